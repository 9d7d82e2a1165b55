"""The pytest side, thin: options, the ``experiment`` mark, the ``trained`` fixture, progress, the table at the end.

A test marked ``@pytest.mark.experiment("cifar10", models=["resnet20", …])`` becomes one case per model and seed; its
``trained`` fixture is the finished result. Record first, replay second: training knows nothing of pytest-benchmark,
which is given every recorded epoch as one round by a clock that shows the recorded seconds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import InputError
from harness.experiment import Experiment, plan_experiment
from harness.settings import OPTIONS, Settings, read_settings

if TYPE_CHECKING:
    from harness.results import EpochRecord, Result
    from harness.study import Study

EXPERIMENT: pytest.StashKey[Experiment] = pytest.StashKey()
_CLOCK: pytest.StashKey[RecordedClock] = pytest.StashKey()
SETTINGS: pytest.StashKey[Settings] = pytest.StashKey()
_STUDY: pytest.StashKey[Study] = pytest.StashKey()
_RESULTS: pytest.StashKey[dict[str, Result]] = pytest.StashKey()
_STARTED: pytest.StashKey[str] = pytest.StashKey()
_RECORDS: pytest.StashKey[list[EpochRecord]] = pytest.StashKey()

_MARK = (
    "experiment(dataset, models, recipe=None): train each model on the dataset, one case per model and seed; "
    "the test's `trained` fixture is the result"
)


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
    """The options of harness/settings.py, each with its ini key."""
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
    given = {option.key: config.getoption(option.key) for option in OPTIONS}
    ini = {option.key: config.getini(option.key) for option in OPTIONS}
    try:
        config.stash[SETTINGS] = read_settings(given, ini=ini)
    except InputError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[_RESULTS] = {}
    config.stash[_STARTED] = _now()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def pytest_report_header(config: pytest.Config) -> str:
    """Whether anything is going to be measured."""
    settings = config.stash[SETTINGS]
    if not settings.full_training:
        return "wider-or-deeper: quick mode, a smoke run that measures nothing; --full-training runs the real thing"
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


def pytest_collection_finish(session: pytest.Session) -> None:
    """Before anything is trained: is the device there, can folders be written to, are the data there and whole?"""
    experiments = [item.stash[EXPERIMENT] for item in session.items if EXPERIMENT in item.stash]
    option = session.config.option
    if not experiments or option.collectonly or option.benchmark_skip:
        return
    from harness.study import Study

    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    try:
        study = Study(session.config.stash[SETTINGS])
        study.prepare(experiments, reporter.write_line if reporter else lambda _: None)
    except InputError as error:
        raise pytest.UsageError(str(error)) from error
    session.config.stash[_STUDY] = study
    if reporter:
        reporter.write_line(f"training on {study.device} at {study.precision}, results in {study.results.root}")


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
    except Exception:
        _leave_unused(benchmark)
        raise
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
    from harness.progress import Progress

    reporter = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")
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

    redraw = bool(reporter.isatty)
    with capture.global_and_fixture_disabled():  # a captured stdout has no width
        width = reporter._tw.fullwidth
    cases = [other for other in item.session.items if EXPERIMENT in other.stash]
    place = f"{cases.index(item) + 1}/{len(cases)}"
    progress = Progress(write, redraw=redraw, width=width, place=place, line=getattr(reporter._tw, "_current_line", ""))
    try:
        return study.train(experiment, progress)
    except KeyboardInterrupt:
        progress.close()
        write(f"\ninterrupted: {experiment.label}, {progress.epochs_done} of {experiment.recipe.epochs} epochs; ")
        write("the same command begins it anew and keeps what is finished\n")
        raise
    finally:
        progress.close()


def _extra_info(result: Result) -> dict[str, Any]:
    """The measures, as plain values, for pytest-benchmark's JSON."""
    content = result.to_json()
    names = (
        "status", "mode", "dataset", "model", "seed", "params", "macs", "accuracy_percent", "best_accuracy_percent",
        "best_epoch", "macro_f1_percent", "epochs", "train_seconds", "eval_seconds", "total_seconds", "marginal_gain",
        "images_per_second", "peak_memory_bytes", "stand_in",
    )  # fmt: skip
    return {name: content[name] for name in names} | {"case": result.case.identity}


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    """pytest-benchmark knows neither the GPU nor torch: its storage keys runs by system and Python alone."""
    study = config.stash.get(_STUDY, None)
    if study is not None:
        from harness.environment import describe_environment

        machine_info["wider_or_deeper"] = describe_environment(study.device, study.precision)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The comparison table of each dataset trained, and where it is written."""
    results = list(config.stash[_RESULTS].values())
    if not results:
        return
    from harness.report.tables import comparison_tables, terminal_text, write_tables

    study, report_dir = config.stash[_STUDY], config.stash[SETTINGS].report_dir
    terminalreporter.section("wider or deeper")
    for table in comparison_tables(results):
        for line in terminal_text(table, terminalreporter._tw.fullwidth).splitlines():
            terminalreporter.write_line(line)
        terminalreporter.write_line("")
    kept = sum(result.started_at < config.stash[_STARTED] for result in results)
    if kept:
        terminalreporter.write_line(f"{kept} of {len(results)} cases were finished already; --rerun trains them again")
    stored, problems = study.results.read_all()
    touched = {(result.dataset, result.mode) for result in results}
    tables = [table for table in comparison_tables(stored) if (table.dataset, table.mode) in touched]
    try:
        written = write_tables(tables, report_dir)
    except OSError as error:
        problems.append(f"tables could not be written to {report_dir}: {error.strerror}")
        written = []
    for path in written:
        terminalreporter.write_line(f"written: {path}")
    for problem in problems:
        terminalreporter.write_line(f"left out: {problem}", yellow=True)
