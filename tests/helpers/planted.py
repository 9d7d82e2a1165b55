"""Files of other kinds planted under a name: what a stranger or ``cp -al`` may leave there."""

import os

import pytest

from tests.helpers.users import OTHER_USER

LINKS = "link", "hard_link"


def plant(kind, path, content=""):
    """Plant a file of a kind at ``path``; return the file ``other`` beside it if the two share their content."""
    other = path.with_name("other")
    if kind in LINKS:
        other.write_text(content)
        path.symlink_to(other.name) if kind == "link" else os.link(other, path)
        return other
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "dangling":
        path.symlink_to("nothing")
    elif kind == "sparse":
        with open(path, "wb") as file:
            file.truncate(8 * 2**30)
    else:
        assert kind == "other_user"
        if os.geteuid() != 0:
            pytest.skip("only root can give a file to another user")
        path.write_text(content)
        os.chown(path, OTHER_USER, OTHER_USER)
    return None


def is_untouched(kind, path, content):
    """Return whether the file behind a planted one has its content; nothing is behind a dangling link."""
    if kind in LINKS:
        return path.with_name("other").read_text() == content
    return not path.with_name("nothing").exists()


def hard_linked_backup(folder, backup):
    """Copy a folder to ``backup`` as ``cp -al`` does; return the content of each file by its path there."""
    for place, _, names in os.walk(folder):
        copy = backup / os.path.relpath(place, folder)
        copy.mkdir(parents=True)
        for name in names:
            os.link(os.path.join(place, name), copy / name)
    return {path: path.read_bytes() for path in backup.rglob("*") if path.is_file()}
