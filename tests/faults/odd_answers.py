"""The check of an action's answer on results with one odd file: right without it, or one error that names it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.faults.forked import Ended, run_forked
from tests.faults.odd_files import Place, kinds_of
from tests.faults.odd_results import ACTIONS, RESULTS, Form, StudyFolder

_WATCHDOG_SECONDS = 20.0
_REFUSALS = {"report": {2}, "evaluate": {2}, "plan": {2}, "check": {2}, "train": {1, 4}}
_ENDS = {"report": {0}, "evaluate": {0, 1}, "plan": {0}, "check": {0, 1, 2}, "train": {0}}
_CRASHES = (
    "Traceback", "INTERNALERROR", "MemoryError", "nable to allocate", "an't allocate",
    "RecursionError", "Warning:", "no report in", "Exception ignored", "\x1b",
)  # fmt: skip
_OF_THIS_RUN = ("left_out", "unfinished", "page", "tables", "figures")  # of the report's JSON


@dataclass(frozen=True)
class Oddity:
    """One file of the results folder, replaced.

    Attributes:
        target: its path in the results folder.
        kind: a name of `kinds_of`.
        seed: of the choices that the kind makes.
    """

    target: str
    kind: str
    seed: int

    @property
    def case(self) -> str | None:
        """The name of the case's folder; None for a file beside the cases."""
        name = Path(self.target).parts[0]
        return name if name.startswith("npz-") else None

    @property
    def sort(self) -> str:
        """The sort of file: its path without the case's folder."""
        parts = Path(self.target).parts
        return "/".join(parts) if self.case is None else "/".join(parts[1:]) or "case"

    @property
    def form(self) -> Form:
        """The variant of the actions; figures, which take long, are drawn for every twentieth seed."""
        return Form(
            as_json=self.seed % 3 != 0,
            figures=self.seed % 20 == 7,
            rerun=self.target == ".rerun.json" and self.seed % 4 != 0,
            reversed=self.seed % 2 == 0,
        )

    @property
    def may_be_plausible(self) -> bool:
        """True if the file may be one that a training could have written: no check can find that."""
        return "forged" in self.kind or self.kind in (
            "odd arrays", "lines changed", "content of another file", "link to another file", "sealed and nested",
            "hard link", "link outside", "duplicated", "other names", "odd tensors",
            "garbage resealed", "odd start", "huge command",
        )  # fmt: skip

    @property
    def is_absence(self) -> bool:
        """True if nothing is found under the file's name."""
        is_empty = self.kind == "folder" and self.sort in ("case", "throughput")
        return is_empty or self.kind in ("missing", "dangling link", "renamed")


@dataclass
class Examined:
    """The findings on an oddity.

    Attributes:
        faults: a line for each fault.
        outcomes: the outcome of each action in a word or two.
        seconds, mebibytes: of the action that needs the most beyond the same one on the intact results. The seconds are
            those of the processor, which other processes do not lengthen.
    """

    oddity: Oddity
    faults: list[str] = field(default_factory=list)
    outcomes: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    mebibytes: float = 0.0


class Examiner:
    """The expected answers of a study, computed when they are first needed, and the check against them."""

    def __init__(self, study: StudyFolder) -> None:
        self._study = study
        self._known: dict[tuple[str, str, Form, str], Ended] = {}

    def examine(self, oddity: Oddity) -> Examined:
        """Replace the file in a copy of the results, run every action on it, and check their answers."""
        study, found = self._study, Examined(oddity)
        study.renew()
        self._replace(oddity)
        case, heeds_modes = oddity.case or study.cases[0], oddity.kind == "without rights"
        before = study.content_of_outside()
        ends = {name: self._run(name, case, oddity.form, heeds_modes) for name in ACTIONS}
        if study.content_of_outside() != before:
            found.faults.append("a file outside the results folder was changed")
        for name, ended in ends.items():
            intact = self._expected(name, case, oddity.form, "")
            found.seconds = max(found.seconds, ended.cpu_seconds - intact.cpu_seconds)
            found.mebibytes = max(found.mebibytes, (ended.memory_bytes - intact.memory_bytes) / 2**20)
            found.outcomes[name], faults = self._judged(name, case, oddity, ended)
            found.faults += [f"{name}: {fault}" for fault in faults]
        return found

    def _run(self, name, case, form, heeds_modes=False):
        return run_forked(
            lambda: ACTIONS[name](case, form), self._study.root, heeds_modes=heeds_modes, seconds=_WATCHDOG_SECONDS
        )

    def _replace(self, oddity):
        study = self._study
        intact = study.intact / oddity.target
        kind = kinds_of(intact, intact.name)[oddity.kind]
        kind(Place(study.results / oddity.target, study.outside, self._other(oddity)), Random(oddity.seed))

    def _other(self, oddity):
        """Return the same file of another case, or else another file."""
        study = self._study
        others = [
            study.results / case / Path(*Path(oddity.target).parts[1:]) for case in study.cases if case != oddity.case
        ]
        beside = "axes.json" if oddity.target == "looks.json" else "looks.json"
        return next((path for path in others if oddity.case and path.exists()), study.results / beside)

    def _expected(self, name, case, form, without):
        """Return the end of an action on the intact results, or on those without a file or folder."""
        key = (name, case if name == "evaluate" else "", form, without)
        if key not in self._known:
            self._study.renew()
            if without:
                oddity = Oddity(without, "missing", 0)
                self._replace(oddity)
            self._known[key] = self._run(name, case, form)
        return self._known[key]

    def _judged(self, name, case, oddity, ended):
        """Return the outcome of an action in a word or two, and the faults found."""
        if ended.code is None:
            return "hangs", [f"still running after {_WATCHDOG_SECONDS} s"]
        faults = [f"{word!r} in its output: {_around(ended.text, word)}" for word in _CRASHES if word in ended.text]
        if faults:
            return "crashes", faults[:1]
        is_named = _is_named(name, oddity, ended)
        if ended.code in _REFUSALS[name] - ({2} if name == "check" and not ended.errors else set()):
            expected = self._expected(name, case, oddity.form, "")
            if (expected.code, expected.errors) == (ended.code, ended.errors):
                return "as intact", []
            lines = [line for line in ended.errors.splitlines() if line.startswith("error: ")]
            faults = [] if is_named else [f"its error does not name the file: {ended.text[-600:]}"]
            faults += [] if name == "train" or len(lines) == 1 else [f"{len(lines)} errors: {ended.errors[-600:]}"]
            return "error", faults
        if ended.code not in _ENDS[name]:
            return "crashes", [f"exit code {ended.code}: {ended.text[-1500:]}"]
        return self._judged_answer(name, case, oddity, ended, is_named)

    def _removed(self, name, oddity, ended):
        """Return the lines of a report that leaves another case out because of the forged one."""
        if name != "report" or not oddity.form.as_json:
            return []
        others = tuple(f"{RESULTS}/{case}/" for case in self._study.cases if case != oddity.case)
        lines = json.loads(ended.output.partition("\f")[0])["left_out"]
        return [f"an honest result is left out: {line}" for line in lines if line.startswith(others)]

    def _judged_answer(self, name, case, oddity, ended, is_named):
        try:
            answer = _answer_of(name, ended)
        except ValueError as error:
            return "crashes", [f"its answer is not JSON ({error}): {ended.output[-300:]}"]
        if answer == _answer_of(name, self._expected(name, case, oddity.form, "")):
            return "right, named" if is_named else "right", []
        ways = {oddity.target, oddity.case} - {None}
        parts = [one for one in ways if (self._study.intact / one).exists()]
        without = any(answer == _answer_of(name, self._expected(name, case, oddity.form, one)) for one in parts)
        if without and (is_named or oddity.is_absence or name == "plan"):
            return "without it", []
        if oddity.may_be_plausible:
            return "forged", self._removed(name, oddity, ended)
        if name == "evaluate" and ended.code == 1:
            return "differs", []
        if without:
            return "silent", ["it is left out without a line that names it"]
        return "other answer", [f"another answer ({'named' if is_named else 'not named'}): {ended.text[-1500:]}"]


def _around(text, word):
    place = text.find(word)
    return text[max(0, place - 100) : place + 200] + " … " + text[-500:]


def _answer_of(name, ended):
    """Return the action's answer, without the parts that differ from run to run."""
    first, _, rest = ended.output.partition("\f")
    if name == "train":
        return json.loads(rest) if rest else None
    content = (
        _strict_json(first)
        if first.startswith("{")
        else [line for line in first.splitlines() if "written:" not in line]
    )
    if isinstance(content, dict):
        content = {key: value for key, value in content.items() if key not in _OF_THIS_RUN}
    return content, json.loads(rest) if rest else None


def _strict_json(text):
    def refuse(word):
        raise ValueError(f"it has {word}")

    return json.loads(text, parse_constant=refuse)


def _is_named(name, oddity, ended):
    """Return whether the lines on files left out, or the errors, name the file or its folder."""
    first = ended.output.partition("\f")[0]
    said = ended.errors if name != "train" else first + ended.errors
    if name == "report" and first.startswith("{"):
        content = json.loads(first)
        said += "\n".join((*content["left_out"], *content["unfinished"]))
    if name == "check":
        said += ended.output
    if name == "train":  # its lines on the intact interrupted case name that folder too
        said = "\n".join(line for line in said.splitlines() if "not finished" not in line)
    names = {Path(oddity.target).name, oddity.case}
    return any(one in said or ascii(one)[1:-1] in said for one in names - {None})
