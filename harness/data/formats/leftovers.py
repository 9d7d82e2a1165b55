"""Names of files and folders that are no images: leftovers of systems and programs, and texts."""

import os
import re

# Windows, macOS, Synology, QNAP, Linux, Android, Python and picture viewers; names in lower case. Hidden ones, such as
# .DS_Store, ._0.png, .Trash-1000 and .ipynb_checkpoints, are known by their dot.
_LEFTOVERS = frozenset(
    {
        "$recycle.bin", "desktop.ini", "ehthumbs.db", "ehthumbs_vista.db", "system volume information", "thumbs.db",
        "thumbs.db:encryptable",
        "__macosx", "icon\r", "icon\uf00d", "network trash folder", "temporary items",
        "#recycle", "#snapshot", "@eadir", "@recently-snapshot", "@recycle", "@__thumb",
        "lost+found", "lost.dir", "__pycache__", "picasa.ini", "pspbrwse.jbf", "zbthumbnail.info",
    }
)  # fmt: skip
_LEFTOVER_PATTERN = re.compile(r"\..*|found\.\d{3}|~\$.*|.*:zone\.identifier", re.DOTALL)

# Annotations, sidecars of photos, and texts.
_NOTE_ENDINGS = frozenset(
    {
        ".aae", ".csv", ".htm", ".html", ".json", ".jsonl", ".log", ".md", ".tsv", ".txt", ".xml", ".xmp", ".yaml",
        ".yml",
    }
)  # fmt: skip
_NOTES = frozenset({"citation", "copying", "licence", "license", "md5sums", "notice", "readme", "sha256sums"})


def is_leftover(name: str) -> bool:
    """Return True for a file or folder that a system or program left behind, or a hidden one."""
    known = name.lower() in _LEFTOVERS or _LEFTOVER_PATTERN.fullmatch(name.lower()) is not None
    return known and not is_placeholder(name)


def is_placeholder(name: str) -> bool:
    """Return True for ``.NAME.icloud``, which macOS leaves in place of a file that it moved to iCloud."""
    return name.startswith(".") and name.endswith(".icloud") and len(name) > len("..icloud")


def is_note(name: str) -> bool:
    """Return True for a file of text beside images: annotations, labels, a licence."""
    return os.path.splitext(name)[1].lower() in _NOTE_ENDINGS or name.lower() in _NOTES
