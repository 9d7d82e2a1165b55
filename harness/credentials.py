"""Passwords, tokens and keys in command lines and messages, masked as ``***``.

Results are passed on, and so are their commands: a secret must be neither recorded nor shown.
"""

import re
import shlex
from collections.abc import Sequence
from functools import lru_cache, partial

MASK = "***"
_LONGEST_UNQUOTED = 10_000  # characters: shlex takes the square of their number
# A word as a shell reads it: its quoted parts may hold spaces. A lone quote, an apostrophe for example, is a character.
_SHELL_WORD = re.compile(r"""(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\]|['"\\])+""", re.DOTALL)
# Up to five digits are a port, unless a segment with an @ follows: then they are the beginning of a password.
_BEFORE_PASSWORD = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,40}://[^/?#:\s]*:(?!\d{0,5}(?:[/?#](?![^/@\s]+@)|$))")
_USER_ALONE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,40}://)[^/?#@:\s]{16,}@")  # as long as a token
_QUERY = re.compile(r"([?&#;])([\w.%~-]+)=([^&]+)")
_ASSIGNMENT = re.compile(r"(-{0,2}[A-Za-z_][\w.-]*)=(.+)", re.DOTALL)
_INNER = re.compile(
    r"""(?<![\w./:-])([A-Za-z][\w.-]*)(["']?\s*(?:=|:(?!:))\s*["']?)([^"',;&\s]+(?:\s+(?!\w+\s*[=:])[^"',;&\s]+)*)"""
)
_OPTION = re.compile(r"--.*|-[A-Za-z]?", re.DOTALL)
_TOO_LITTLE = re.compile(r"[=:]\w{0,2}:?|:\d{1,7}")  # in a message: a count of a class, an example
_BEARER = re.compile(r"\b(bearer\s+)\S+", re.IGNORECASE)
_AUTHORIZATION = re.compile(r"\b((?:proxy-)?authorization\s*[:=]\s*)(?!\*)\S.*", re.IGNORECASE | re.DOTALL)
_KNOWN_TOKEN = re.compile(  # of GitHub, GitLab, Hugging Face, Slack, OpenAI, AWS and JSON Web Tokens
    r"(?<![\w-])(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_[A-Za-z0-9]{20,}|xox[abprs]-[\w-]{10,}"
    r"|sk-[\w-]{20,}|AKIA[0-9A-Z]{16}|eyJ[\w-]{8,}\.[\w-]+\.[\w-]*)"
)
_SECRET_ANYWHERE = re.compile("password|passwd|passphrase|secret|apikey|accesskey|privatekey|credential|authtoken")
_NO_SECRET = frozenset((
    "no", "show", "hide", "ask", "prompt", "stdin", "file", "path", "dir", "env", "name", "type", "length", "len",
    "limit", "count", "max", "min", "num", "id",
))  # fmt: skip
"""Parts of the names of options about a secret: its file, its length, whether to ask for it."""
_SECRET_IN_QUERY = ("sig", "signature", "key", "auth", "pass", "pwd")


@lru_cache(maxsize=1024)  # every case of a run has the same command
def without_credentials(text: str) -> str:
    """Return a command line with its credentials masked, and everything else as it was.

    Masked are the userinfo of URLs (``user:***@``), the values of options, variables and query parameters whose name
    says secret, bearer tokens, and tokens of a known form.
    """
    found = list(_SHELL_WORD.finditer(text))
    words = [_unquoted(one[0]) for one in found]
    parts, end = [], 0
    for one, word, masked in zip(found, words, masked_words(words), strict=True):
        parts += [text[end : one.start()], one[0] if masked == word else shlex.quote(masked)]
        end = one.end()
    return "".join([*parts, text[end:]])


def masked_words(words: Sequence[str]) -> list[str]:
    """Return the words of a command line with their credentials masked."""
    return [
        MASK if _announces_secret(before) and not _OPTION.fullmatch(word) else _masked(word)
        for before, word in zip(("", *words), words, strict=False)
    ]


def message_without_credentials(text: str) -> str:
    """Return a message, which may hold any quotes, with the credentials in it masked."""
    text = re.sub(r"(?i)\b(bearer\s+)[^\s'\"]+", rf"\1{MASK}", text)
    return re.sub(r"\S+", lambda found: _masked(found[0], is_of_shell=False), text)


def _unquoted(word: str) -> str:
    try:
        is_quoted = len(word) <= _LONGEST_UNQUOTED and any(mark in word for mark in "'\"\\")
        return "".join(shlex.split(word)) if is_quoted else word
    except ValueError:  # an apostrophe
        return word


def _announces_secret(word: str) -> bool:
    """Return whether the next word is a secret: after an option of that name, or after ``Bearer``."""
    return word.lower() == "bearer" or (word.startswith("--") and "=" not in word and _is_secret(word))


def _masked(word: str, *, is_of_shell: bool = True) -> str:
    word = _without_user_info(word)
    word = _QUERY.sub(_masked_parameter, word)
    whole = _ASSIGNMENT.fullmatch(word)
    if whole and _says(f"={whole[2]}", is_of_shell) and _is_secret(whole[1], is_variable=whole[1].isupper()):
        return f"{whole[1]}={MASK}"
    word = _AUTHORIZATION.sub(rf"\1{MASK}", _BEARER.sub(rf"\1{MASK}", word)) if is_of_shell else word
    return _KNOWN_TOKEN.sub(MASK, _INNER.sub(partial(_masked_inner, is_of_shell=is_of_shell), word))


def _masked_inner(found: re.Match[str], *, is_of_shell: bool) -> str:
    is_secret = _is_secret(found[1]) and _says(found[2] + found[3], is_of_shell)
    return f"{found[1]}{found[2]}{MASK}" if is_secret else found[0]


def _says(value: str, is_of_shell: bool) -> bool:
    """Return whether a value, with the sign before it, is long enough for a secret."""
    return is_of_shell or _TOO_LITTLE.fullmatch(value) is None


def _without_user_info(word: str) -> str:
    """Return a word with the password of a URL masked; it may hold any character, and ends at the last @."""
    end = word.rfind("@")
    before = _BEFORE_PASSWORD.search(word, 0, end + 1)
    if before is not None:
        word = f"{word[: before.end()]}{MASK}{word[end:]}"
    return _USER_ALONE.sub(rf"\1{MASK}@", word)


def _masked_parameter(found: re.Match[str]) -> str:
    is_secret = _is_secret(found[2]) or _parts(found[2])[-1] in _SECRET_IN_QUERY
    return f"{found[1]}{found[2]}={MASK}" if is_secret else found[0]


def _is_secret(name: str, *, is_variable: bool = False) -> bool:
    """Return whether the value of an option, variable or parameter of this name is a secret."""
    parts = _parts(name)
    if not _NO_SECRET.isdisjoint(parts) and "access" not in parts:
        return False
    is_option = name.startswith("--")
    ends = ("token", "pwd") if is_option or len(parts) > 1 else ("token",)  # PWD alone is the working folder
    is_named = parts[-1] in ("auth", "authorization", "cookie") or (is_variable and parts[-1] in ("key", "pass"))
    return (
        is_named
        or (is_option and (parts[-1] in ("pass", "pw") or (parts[-1] == "key" and len(parts) > 1)))
        or _SECRET_ANYWHERE.search("".join(parts)) is not None
        or any(part.endswith(ends) or part == "tokens" for part in parts)
    )


def _parts(name: str) -> list[str]:
    """Return the parts of a name in small letters: ``api``, ``key`` of ``apiKey`` and of ``API_KEY``."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name)
    return [part for part in re.split(r"[\W_]+", spaced.lower()) if part] or [""]
