"""A public report: results without names of hosts and users, kernels, folders and whole commands."""

import os
import platform
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.config.option_values import path as is_folder
from harness.config.options import OPTIONS
from harness.credentials import without_credentials
from harness.report.short_paths import shortened, without_absolute_paths
from harness.results.result import Attempt, Result

_IN_HOME = re.compile(r"(?i)[/\\](?:home|users)[/\\]+([^/\\'\":;,\s]+)")
_QUOTED_PATH = re.compile(r"(['\"])(?:/|~|\.\.|[A-Za-z]:\\|\\\\)[^'\"]*?([^/\\'\"]*)\1")
_RELATIVE = re.compile(r"(?<![\w./\\])(?:~[\w.-]*|\.\.|\\\\[\w.-]+)[/\\](?:[^\s/\\'\"]+[/\\])*([^\s/\\'\"]*)")
_URL = re.compile(r"\b([a-z][a-z0-9+.-]{0,40})://[^\s'\"]+")
_IP_ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\w)")
_NAMES_NOBODY = ("root", "user", "users", "runner", "ubuntu", "admin", "shared", "public", "home", "localhost")
_SHORTEST_NAME = 3  # characters; a shorter one is part of too many words
# Options that say nothing of the machine or its folders; pytest's own are only the two that choose tests.
_KEPT = {
    name: one.is_flag
    for one in OPTIONS
    if one.parse is not is_folder and one.name not in ("ray-address", "track")
    for name in (f"--{one.name}", one.long_name)
} | {"-k": False, "-m": False}
_FLAGS = re.compile(r"-[xvqsl]+")


@dataclass(frozen=True)
class Privacy:
    """The names that a public report leaves out, each with the word in its place.

    Attributes:
        words: the names of hosts and users.
        paths: the known folders and files, which may hold spaces.
    """

    words: Mapping[str, str]
    paths: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, results: Sequence[Result], environments: Iterable[Mapping[str, Any]], folders: Iterable[Path]
    ) -> "Privacy":
        """Return the names in results, in other environments, and of this machine and its user."""
        folders = list(folders)
        environments = [*(one for result in results for one in _environments(result)), *environments]
        nodes = list(dict.fromkeys(str(one["node"]) for one in environments if one.get("node")))
        words = {node: f"host {k}" if len(nodes) > 1 else "host" for k, node in enumerate(nodes, 1)}
        words |= {node.partition(".")[0]: word for node, word in words.items()}
        texts = "\n".join([*(str(one.absolute()) for one in folders), *map(_texts, results)])
        own = (os.environ.get("USER", ""), os.environ.get("LOGNAME", ""), Path(os.path.expanduser("~")).name)
        users = {*_IN_HOME.findall(texts), *own}
        words = dict.fromkeys(users, "user") | {platform.node(): "host"} | words
        named = {str(path): path.name for one in folders for path in (one, one.absolute(), one.resolve())}
        named |= {path: Path(path).name for result in results for path in _paths(result)}
        paths = {path: named[path] for path in sorted(named, key=len, reverse=True) if path != named[path]}
        return cls({name: word for name, word in words.items() if _identifies(name)}, paths)

    def name(self, name: str) -> str:
        """Return a name with those of hosts and users in it replaced."""
        if not self.words:
            return name
        known = "|".join(map(re.escape, sorted(self.words, key=len, reverse=True)))
        found = re.compile(rf"(?<![A-Za-z0-9])({known})(?![A-Za-z0-9])(?:\.[a-z][\w-]*)*", re.IGNORECASE)
        words = {name.lower(): word for name, word in self.words.items()}
        return found.sub(lambda one: words[one[1].lower()], name)

    def text(self, text: str) -> str:
        """Return a text with folders as their last names, addresses without hosts, and names replaced."""
        text = self._without_folders(text)
        return self.name(_IP_ADDRESS.sub("host", _URL.sub(r"\1://…", text)))

    def _without_folders(self, text: str) -> str:
        for path, name in self.paths.items():
            text = text.replace(path, name)
        return _RELATIVE.sub(r"\1", without_absolute_paths(_QUOTED_PATH.sub(r"\1\2\1", text)))

    def folder_names(self, folders: Sequence[Path]) -> list[str]:
        """Return the last name of each folder, with a number if another one has it too."""
        names = [self.name(one.name or "results") for one in folders]
        numbers = [names[:k].count(name) for k, name in enumerate(names, 1)]
        return [f"{name} {k}" if names.count(name) > 1 else name for name, k in zip(names, numbers, strict=True)]

    def environment(self, environment: Mapping[str, Any]) -> dict[str, Any]:
        """Return an environment with its host by another name, and of its platform only the system."""
        found = dict(environment)
        if found.get("node"):
            found["node"] = self.words.get(str(found["node"]), "host")
        if found.get("platform"):
            found["platform"] = str(found["platform"]).partition("-")[0]
        if found.get("commit_problem"):
            found["commit_problem"] = self.text(str(found["commit_problem"]))
        if found.get("switched_off"):
            found["switched_off"] = {name: self.text(str(reason)) for name, reason in found["switched_off"].items()}
        return found

    def result(self, result: Result) -> Result:
        """Return a result without what is private; its case and its figures stay."""
        network = result.network
        return replace(
            result,
            environment=self.environment(result.environment),
            attempts=tuple(map(self._attempt, result.attempts)),
            cause=None if result.cause is None else self.text(result.cause),
            notes=tuple(map(self.text, result.notes)),
            switched_off={name: self.text(reason) for name, reason in result.switched_off.items()},
            disturbance_causes=tuple(map(self.text, result.disturbance_causes)),
            dataset_origin=self.text(result.dataset_origin),
            network=None if network is None else replace(network, file=self.text(network.file)),
        )

    def _attempt(self, attempt: Attempt) -> Attempt:
        command = self.command(attempt.command or "") or None
        return replace(attempt, environment=self.environment(attempt.environment), command=command)

    def command(self, command: str) -> str:
        """Return the part of a command line that chooses what is trained; empty for a user's script."""
        try:
            words = shlex.split(without_credentials(shortened(command)))
        except ValueError:  # not a shell's line
            return ""
        programs = [Path(word).name for word in words]
        for names, shown in ((("pytest", "py.test"), "pytest"), (("harness", "wider-or-deeper"), "python -m harness")):
            place = next((k for k, name in enumerate(programs) if name in names), None)
            if place is not None:
                kept = self._kept_arguments(words[place + 1 :])
                return shlex.join([*shown.split(), *(kept if shown == "pytest" else _command(kept))])
        return ""

    def _kept_arguments(self, words: Sequence[str]) -> list[str]:
        """Return the options of the study, the choice of tests, and the names of files without their folders."""
        kept, rest = [], list(words)
        while rest:
            word = rest.pop(0)
            name, has_value, _ = word.partition("=")
            is_alone = bool(has_value) or _FLAGS.fullmatch(word) is not None or _KEPT.get(name, False)
            value = [] if is_alone or not word.startswith("-") or not rest or rest[0].startswith("-") else [rest.pop(0)]
            if not word.startswith("-"):
                file, separator, test = word.partition("::")
                last = re.split(r"[/\\]", file.rstrip("/\\"))[-1]
                kept.append(self.name(last) + separator + self._without_folders(test))
            elif name in _KEPT:
                kept += map(self._without_folders, [word, *value])
        return kept


def _command(kept: Sequence[str]) -> list[str]:
    """Return a command's name and its options, without the names of results folders."""
    return [word for k, word in enumerate(kept) if k == 0 or word.startswith("-") or kept[k - 1].startswith("-")]


def _environments(result: Result) -> list[Mapping[str, Any]]:
    return [result.environment, *(one.environment for one in result.attempts)]


def _paths(result: Result) -> list[str]:
    """Return the absolute paths of a result's images and of its network's file."""
    file = "" if result.network is None else result.network.file
    named = [file, *(one.partition(":")[2] for one in (result.dataset, result.dataset_origin))]
    return [one for one in named if Path(one).is_absolute() and Path(one).name]


def _texts(result: Result) -> str:
    """Return the texts of a result in which a user's folder may stand."""
    commands = [one.command or "" for one in result.attempts]
    file = "" if result.network is None else result.network.file
    notes = [*result.notes, *result.switched_off.values()]
    return "\n".join([result.dataset, result.dataset_origin, result.cause or "", file, *notes, *commands])


def _identifies(name: str) -> bool:
    return len(name) >= _SHORTEST_NAME and name.lower() not in _NAMES_NOBODY
