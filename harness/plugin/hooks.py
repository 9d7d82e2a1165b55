"""The pytest side, thin: options, the ``experiment`` mark, the ``trained`` fixture, progress, the table at the end.

A test marked ``@pytest.mark.experiment("cifar10", models=["resnet20", …])`` becomes one case per model and seed; its
``trained`` fixture is the finished result. Record first, replay second: training knows nothing of pytest-benchmark,
which is given every recorded epoch as one round by a clock that shows the recorded seconds.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from harness.config.experiment import Experiment, plan_experiment
from harness.config.settings import OPTIONS, Settings, read_settings
from harness.errors import InputError, TrainingError
from harness.text import duration
from harness.training.interrupt import StopRequest
from harness.training.process_group import ProcessGroup

if TYPE_CHECKING:
    from harness.results.result import EpochRecord, Result
    from harness.study.study import Study
    from harness.throughput.workbench import Workbench

EXPERIMENT: pytest.StashKey[Experiment] = pytest.StashKey()
_CLOCK: pytest.StashKey[RecordedClock] = pytest.StashKey()
SETTINGS: pytest.StashKey[Settings] = pytest.StashKey()
PROCESSES: pytest.StashKey[ProcessGroup] = pytest.StashKey()
_STUDY: pytest.StashKey[Study] = pytest.StashKey()
_RESULTS: pytest.StashKey[dict[str, Result]] = pytest.StashKey()
_STARTED: pytest.StashKey[str] = pytest.StashKey()
_BEGAN: pytest.StashKey[float] = pytest.StashKey()
_WORKBENCH: pytest.StashKey[Workbench] = pytest.StashKey()
_STOP: pytest.StashKey[StopRequest] = pytest.StashKey()
_TRAINED: pytest.StashKey[_Trained] = pytest.StashKey()
_RECORDS: pytest.StashKey[list[EpochRecord]] = pytest.StashKey()

_MARK = (
    "experiment(dataset, models, recipe=None): train each model on the dataset, one case per model and seed; "
    "the test's `trained` fixture is the result"
)
_MEASUREMENT_MARK = "measurement: takes minutes, and runs only where `-k` or a path names its file, as `-k throughput`"


class RecordedClock:
    """A timer that stands still but for the recorded epochs: pytest-benchmark's rounds become the epochs' seconds.

    It is set back to 0 before every round, because only from 0 is the difference of two readings exact.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._seconds: Iterator[float] = iter(())

    def load(self, epoch_seconds: tuple[float, ...]) -> None:
        """The epochs to be played from here on."""
        self._seconds = iter(epoch_seconds)

    def rewind(self) -> None:
        self._now = 0.0

    def play_epoch(self) -> None:
        """Go forward by the next epoch; where all are played, stand (a profiler calls once more)."""
        self._now += next(self._seconds, 0.0)

    def __call__(self) -> float:
        return self._now


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of harness/config/settings.py, each with its ini key."""
    group = parser.getgroup(
        "wider-or-deeper", "wider-or-deeper: train and compare ResNets of different depth and width"
    )
    for option in OPTIONS:
        text = f"{option.help}; or {option.variable}, or ini key {option.key}".replace("%", "%%")
        if option.is_flag:
            group.addoption(f"--{option.name}", dest=option.key, action="store_true", default=None, help=text)
        else:
            group.addoption(f"--{option.name}", dest=option.key, metavar=option.metavar, default=None, help=text)
        aliases = [option.name] if option.name != option.key else []
        parser.addini(option.key, option.help, type="string", default="", aliases=aliases)


def pytest_configure(config: pytest.Config) -> None:
    """Read the settings; what is wrong with them is a usage error."""
    config.addinivalue_line("markers", _MARK)
    config.addinivalue_line("markers", _MEASUREMENT_MARK)
    given = {option.key: config.getoption(option.key) for option in OPTIONS}
    ini = {option.key: config.getini(option.key) for option in OPTIONS}
    try:
        config.stash[SETTINGS] = read_settings(given, ini=ini)
        config.stash[PROCESSES] = processes = ProcessGroup.from_environment()
    except InputError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[_RESULTS] = {}
    if not processes.is_rank_zero:
        _leave_files_alone(config)
    config.stash[_STOP] = StopRequest(is_once=processes.is_distributed)
    config.stash[_TRAINED] = _Trained()
    config.stash[_STARTED] = _now()
    config.stash[_BEGAN] = time.perf_counter()


def _leave_files_alone(config: pytest.Config) -> None:
    """Of several processes that train together only the first writes what pytest and its plugins are told to write."""
    option = config.option
    option.xmlpath = option.pastebin = None
    for name in ("save", "autosave", "json", "compare", "compare_fail", "histogram", "cprofile_dump"):
        if hasattr(option, f"benchmark_{name}"):
            setattr(option, f"benchmark_{name}", None)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Of several processes that train together only the first says something."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and not session.config.stash[PROCESSES].is_rank_zero:
        reporter._tw = type(reporter._tw)(open(os.devnull, "w"))  # noqa: SIM115 - it is closed with the process


def pytest_internalerror(excrepr: object) -> None:
    """An error of pytest's own is told by whichever process has it."""
    processes = ProcessGroup.from_environment()
    if not processes.is_rank_zero:
        sys.stderr.write(f"{processes.name}: {excrepr}\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def pytest_report_header(config: pytest.Config) -> str:
    """Whether anything is going to be measured."""
    settings = config.stash[SETTINGS]
    if not settings.full_training:
        return "wider-or-deeper: quick mode, which measures nothing of experiments; --full-training is the real thing"
    epochs = f"epochs {settings.epochs}" if settings.epochs else "the recipes' own epochs"
    return f"wider-or-deeper: full training, {epochs}, seeds {','.join(map(str, settings.seeds))}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One case per model and seed, with the id ``<model>-seed<k>``."""
    mark = metafunc.definition.get_closest_marker("experiment")
    if mark is None:
        return
    if "trained" not in metafunc.fixturenames:
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: a test marked experiment takes the fixture `trained`")
    if not metafunc.config.pluginmanager.hasplugin("benchmark"):
        raise pytest.UsageError("experiments need pytest-benchmark: leave out `-p no:benchmark`")
    seeds = metafunc.config.stash[SETTINGS].seeds
    cases = [(model, seed) for model in _experiment_arguments(mark)[1] for seed in seeds]
    metafunc.parametrize(("model", "seed"), cases, ids=[f"{model}-seed{seed}" for model, seed in cases])


def _experiment_arguments(mark: pytest.Mark) -> tuple[str, list[str], Any]:
    """Dataset, models and recipe of a mark.

    Raises:
        pytest.UsageError: they are not of its form.
    """

    def read(dataset: str, models: Any, recipe: Any = None) -> tuple[str, list[str], Any]:
        if not isinstance(dataset, str):
            raise TypeError(f"dataset is {dataset!r}: give one name")
        names = list(models) if isinstance(models, list | tuple) else []
        if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
            raise TypeError(f"models is {models!r}: give a list of different names, as ['resnet20', 'resnet20-2']")
        return dataset, names, recipe

    try:
        return read(*mark.args, **mark.kwargs)
    except TypeError as error:
        raise pytest.UsageError(f"@pytest.mark.experiment: {error}\nits form is {_MARK}") from error


def pytest_itemcollected(item: pytest.Item) -> None:
    """Bind a case's test to its experiment, and pytest-benchmark's timer to the recorded epochs."""
    mark = item.get_closest_marker("experiment")
    if mark is None or not isinstance(item, pytest.Function):
        return
    dataset, _, recipe = _experiment_arguments(mark)
    model, seed = str(item.callspec.params["model"]), int(item.callspec.params["seed"])  # type: ignore[call-overload]
    try:
        item.stash[EXPERIMENT] = plan_experiment(item.config.stash[SETTINGS], dataset, model, seed, recipe)
    except InputError as error:
        raise pytest.UsageError(f"{item.nodeid}: {error}") from error
    clock = item.stash[_CLOCK] = RecordedClock()
    # Marks do not merge, the closest wins: this one goes in front and carries what the others say.
    closest = item.get_closest_marker("benchmark")
    options = {"group": dataset, **(closest.kwargs if closest else {}), "timer": clock}
    item.add_marker(pytest.mark.benchmark(**options), append=False)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out measurements that the command line does not name: a plain ``pytest bench`` is a smoke run."""
    left_out = [item for item in items if item.get_closest_marker("measurement") and not _is_named(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _is_named(item: pytest.Item) -> bool:
    """Whether ``-k`` has the name of the test's file, ``-m`` the mark, or the file is among the arguments."""
    option, stem = item.config.option, item.path.stem
    if stem.removeprefix("test_") in option.keyword.lower() or "measurement" in option.markexpr:
        return True
    return any(stem in argument for argument in item.config.args)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Before anything is trained: is the device there, can folders be written to, are the data there and whole?"""
    experiments = [item.stash[EXPERIMENT] for item in session.items if EXPERIMENT in item.stash]
    option, processes = session.config.option, session.config.stash[PROCESSES]
    measurements = [item for item in session.items if item.get_closest_marker("measurement")]
    if experiments or measurements:
        session.config.add_cleanup(session.config.stash[_STOP].heed())
    if not processes.is_rank_zero:  # what was selected by them is selected by now
        for name in ("lfplugin", "nfplugin"):
            session.config.pluginmanager.unregister(name=name)
    if processes.is_distributed and measurements and not option.collectonly:
        pytest.exit("measurements are of one process: start pytest without torchrun", pytest.ExitCode.USAGE_ERROR)
    if not experiments or option.collectonly or option.benchmark_skip:
        return
    from harness.study.study import Study

    processes.connect()
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    try:
        with processes.raising_together():
            study = session.config.stash[_STUDY] = Study(session.config.stash[SETTINGS], processes)
        session.config.add_cleanup(study.close)
        study.prepare(experiments, reporter.write_line if reporter else lambda _: None)
    except InputError as error:
        if not processes.is_rank_zero:  # which tells it
            pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
        raise pytest.UsageError(str(error)) from error
    if reporter:
        reporter.write_line(f"training on {study.engine.describe()}, results in {study.results.root}")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop what no test waits for any more; what is finished goes into the tables, whoever asked for it."""
    study = session.config.stash.get(_STUDY, None)
    if study is not None:
        study.close()
        for result in study.engine.results_so_far():
            session.config.stash[_RESULTS].setdefault(result.case.identity, result)


@dataclass
class _Trained:
    """What this run itself has trained, whatever became of the cases: epochs, and seconds of compiling for them."""

    records: list[EpochRecord] = field(default_factory=list)
    compile_seconds: float = 0.0


@pytest.fixture
def model() -> str:
    """The case's model; the ``experiment`` mark gives it."""
    pytest.fail(f"mark the test: @pytest.mark.{_MARK}", pytrace=False)


@pytest.fixture
def seed() -> int:
    """The case's seed; the ``experiment`` mark gives it."""
    pytest.fail(f"mark the test: @pytest.mark.{_MARK}", pytrace=False)


@pytest.fixture
def trained(request: pytest.FixtureRequest, model: str, seed: int, benchmark: Any) -> Result:
    """The finished result of the test's case: trained now, unless its results folder has it.

    Whatever its status: a case that diverged or ran out of memory is a result too. pytest-benchmark has its epochs as
    rounds and its measures in ``extra_info``. ``epoch_records`` has them for the test.
    """
    item, config = request.node, request.config
    try:
        result, records = _train(config, item)
    except KeyboardInterrupt:
        _leave_unused(benchmark)
        raise
    except Exception:
        _leave_unused(benchmark)
        if failed := config.stash[_STUDY].find_result(item.stash[EXPERIMENT]):
            config.stash[_RESULTS][failed.case.identity] = failed  # for the table
        raise
    finally:
        if (failure := config.stash[PROCESSES].failure) and not config.stash[_STOP].was_made:
            item.session.shouldfail = f"the processes train together no more: {failure}"
    item.stash[_RECORDS] = records
    config.stash[_RESULTS][result.case.identity] = result
    clock = item.stash[_CLOCK]
    if not result.epoch_seconds:
        _leave_unused(benchmark)
    else:
        clock.load(result.epoch_seconds)
        benchmark.extra_info.update(_extra_info(result))
        benchmark.pedantic(clock.play_epoch, setup=clock.rewind, rounds=len(result.epoch_seconds))
        # pytest-benchmark saves what has no error as if it were good.
        benchmark.has_error = not result.is_complete
    return result


@pytest.fixture
def epoch_records(request: pytest.FixtureRequest, trained: Result) -> list[EpochRecord]:
    """The epoch records of the test's case, in order."""
    records: list[EpochRecord] = request.node.stash[_RECORDS]
    return records


def _leave_unused(benchmark: Any) -> None:
    """Without an epoch there is no round: keep pytest-benchmark from recording one and from saying it was not used."""
    benchmark.disabled = True
    benchmark.pedantic(lambda: None)


def _train(config: pytest.Config, item: pytest.Item) -> tuple[Result, list[EpochRecord]]:
    """Train the item's case, with progress on the terminal even though output is captured."""
    from harness.plugin.progress import Progress

    reporter, capture = _terminal(config)
    study, experiment = config.stash[_STUDY], item.stash[EXPERIMENT]
    if reporter is None or capture is None:
        return study.train(experiment)

    def write(text: str) -> None:
        with capture.global_and_fixture_disabled():
            if redraw:  # past the reporter, which would count it into its own line
                sys.stdout.write(text)
                sys.stdout.flush()
            else:
                reporter.write(text, flush=True)

    redraw = bool(reporter.isatty) and config.stash[PROCESSES].is_rank_zero
    with capture.global_and_fixture_disabled():  # a captured stdout has no width
        width = reporter._tw.fullwidth
    cases = [other for other in item.session.items if EXPERIMENT in other.stash]
    place = f"{cases.index(item) + 1}/{len(cases)}"
    progress = Progress(
        write,
        redraw=redraw,
        width=width,
        place=place,
        line=getattr(reporter._tw, "_current_line", ""),
        should_stop=lambda: config.stash[_STOP].was_made,
    )
    trained = config.stash[_TRAINED]
    try:
        result, records = study.train(experiment, progress)
        if progress.trained:
            trained.compile_seconds += result.attempts[-1].compile_seconds
        return result, records
    except KeyboardInterrupt:
        progress.close()
        done = f", {progress.epochs_done} of {experiment.recipe.epochs} epochs done" if progress.has_begun else ""
        write(f"\ninterrupted: {experiment.label}{done}\n")
        raise
    finally:
        progress.close()
        trained.records += progress.trained


def _terminal(config: pytest.Config) -> tuple[Any, Any]:
    """pytest's reporter and its capture manager; None for what has been switched off."""
    plugins = config.pluginmanager
    return plugins.get_plugin("terminalreporter"), plugins.get_plugin("capturemanager")


@pytest.fixture
def workbench(request: pytest.FixtureRequest) -> Workbench:
    """Where throughput is measured: on the settings' device, kept in the results folder, shown at the end."""
    from harness.throughput.workbench import Workbench

    config, item = request.config, request.node
    if _WORKBENCH not in config.stash:
        config.stash[_WORKBENCH] = Workbench(config.stash[SETTINGS])
    workbench = config.stash[_WORKBENCH]
    reporter, capture = _terminal(config)

    def notify(line: str) -> None:
        with capture.global_and_fixture_disabled():
            reporter.write(f"\n{item.name}: {line}", flush=True)

    workbench.notify = notify if reporter and capture else lambda _: None
    return workbench


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What the user or the disk got wrong is told in a line; what failed on a node, with the traceback of there."""
    report = yield
    is_ours = EXPERIMENT in item.stash or item.get_closest_marker("measurement")
    if call.excinfo is not None and is_ours and call.excinfo.errisinstance((InputError, TrainingError)):
        report.longrepr = str(call.excinfo.value)
    return report


def _extra_info(result: Result) -> dict[str, Any]:
    """The measures, as plain values, for pytest-benchmark's JSON."""
    content = result.to_json()
    names = (
        "status", "mode", "dataset", "model", "seed", "params", "macs", "accuracy_percent", "best_accuracy_percent",
        "best_epoch", "macro_f1_percent", "epochs", "train_seconds", "eval_seconds", "total_seconds", "marginal_gain",
        "images_per_second", "peak_memory_bytes", "stand_in",
    )  # fmt: skip
    return {name: content[name] for name in names} | {
        "case": result.case.identity,
        "interrupted_after": list(result.interrupted_after),
        "changes_between_attempts": list(result.changes_between_attempts),
    }


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    """pytest-benchmark knows neither the GPU nor torch: its storage keys runs by system and Python alone."""
    study = config.stash.get(_STUDY, None)
    if study is not None:
        machine_info["wider_or_deeper"] = study.engine.environment()


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The tables of what was trained and measured now, and the report of all that the results folder holds."""
    if not config.stash[PROCESSES].is_rank_zero:
        return
    results = list(config.stash[_RESULTS].values())
    if _WORKBENCH in config.stash:
        _summarise_throughput(terminalreporter, config)
    if results:
        _summarise_results(terminalreporter, config, results)
    if results or _WORKBENCH in config.stash:
        _write_report(terminalreporter, config, results)
    elif _STUDY in config.stash:
        _say_left_out(terminalreporter, [], config.stash[_STUDY].results.unfinished())


def _summarise_results(terminalreporter: pytest.TerminalReporter, config: pytest.Config, results: list[Result]) -> None:
    """The tables of the results, and what the run took."""
    from harness.report.terminal import comparison_tables, terminal_text

    _show(terminalreporter, "wider or deeper", comparison_tables(results), terminal_text)
    kept = sum(result.is_finished and result.finished_at < config.stash[_STARTED] for result in results)
    if kept:
        terminalreporter.write_line(f"{kept} of {len(results)} cases were finished already; --rerun trains them again")
    if overhead := _overhead(config):
        terminalreporter.write_line(overhead)
    for line in config.stash[_STUDY].engine.summary():
        terminalreporter.write_line(line)


def _overhead(config: pytest.Config) -> str | None:
    """How much of the run was neither loading, training nor evaluating; None where nothing was trained in it."""
    trained = config.stash[_TRAINED]
    if not trained.records or not config.stash[SETTINGS].full_training:
        return None
    wall_seconds = time.perf_counter() - config.stash[_BEGAN]
    epoch_seconds = sum(record.epoch_seconds for record in trained.records)
    overhead_seconds = wall_seconds - trained.compile_seconds - epoch_seconds
    checkpoint_seconds = sum(record.checkpoint_seconds for record in trained.records)
    share = f"{duration(overhead_seconds)} of {duration(wall_seconds)} ({overhead_seconds / wall_seconds:.1%})"
    saving = f"{duration(checkpoint_seconds)} ({checkpoint_seconds / wall_seconds:.1%}) of it saving checkpoints"
    compiling = f"; compiling took {duration(trained.compile_seconds)} more" if trained.compile_seconds >= 1 else ""
    return f"{share} were neither loading, training nor evaluating, {saving}{compiling}"


def _summarise_throughput(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The tables of what was measured now."""
    from harness.report.tables.throughput import throughput_tables
    from harness.report.terminal import terminal_text

    _show(terminalreporter, "throughput", throughput_tables(config.stash[_WORKBENCH].recorded), terminal_text)


def _show(
    terminalreporter: pytest.TerminalReporter, title: str, tables: Iterable[Any], text: Callable[[Any, int], str]
) -> None:
    """Tables under a title, each in the terminal's width."""
    terminalreporter.section(title)
    for table in tables:
        for line in text(table, terminalreporter._tw.fullwidth).splitlines():
            terminalreporter.write_line(line)
        terminalreporter.write_line("")


def _write_report(terminalreporter: pytest.TerminalReporter, config: pytest.Config, results: list[Result]) -> None:
    """Write the report, tell the answers of the studies that were gone on with, and what was left out."""
    from harness.report.build import write_report
    from harness.report.loading import load_results_folders
    from harness.report.terminal import report_text
    from harness.training.command import this_command

    settings = config.stash[SETTINGS]
    touched = {(result.dataset, result.mode) for result in results}
    loaded = load_results_folders([settings.results_dir])
    try:
        report = write_report(loaded, settings.report_dir, this_command())
    except Exception as error:  # the run has come to its end and its results are safe, whatever a report meets
        reason = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        again = "`python -m harness report` makes it anew"
        terminalreporter.write_line(f"no report in {settings.report_dir}: {reason}; {again}", yellow=True)
    else:
        answers = [one for one in report.answers if (one[0].dataset, one[0].mode) in touched]
        text = report_text(replace(report, answers=answers), terminalreporter._tw.fullwidth)
        for line in text.splitlines():
            terminalreporter.write_line(line)
    _say_left_out(terminalreporter, loaded.problems, loaded.unfinished)


def _say_left_out(terminalreporter: pytest.TerminalReporter, problems: list[str], unfinished: list[str]) -> None:
    for line in [f"left out: {problem}" for problem in problems] + unfinished:
        terminalreporter.write_line(line, yellow=True)
