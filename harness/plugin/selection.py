"""The cases that will run: those of tests that are not skipped, in an order of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.config.datasets import is_own_images
from harness.plugin.case_arguments import model_and_seed, variant_among
from harness.plugin.clock import RecordedClock
from harness.plugin.mark import builder_of, canonical_name, experiment_arguments, experiment_mark, name_of
from harness.plugin.schedule import order_cases
from harness.plugin.session import ITEM, REFUSED, ExperimentItem, HarnessSession, session_of
from harness.plugin.short_names import with_valid_names


def bind_case(item: pytest.Function, mark: pytest.Mark) -> None:
    """Bind a test to its experiment, and pytest-benchmark's timer to the recorded epochs.

    A refused experiment ends the session only if its test is selected and not skipped.
    """
    from harness.errors import InputError

    marked = experiment_arguments(mark)
    if model_and_seed(item) is None:
        raise pytest.UsageError(f"{item.nodeid}: the mark experiment is in a pytest.param: give it to the test itself")
    # Marks do not merge, the closest wins: this one goes in front and repeats the options of the closest so far.
    closest = item.get_closest_marker("benchmark")
    benchmark = {"group": marked.dataset, **(closest.kwargs if closest else {}), "timer": RecordedClock()}
    item.add_marker(pytest.mark.benchmark(**benchmark), append=False)
    try:
        item.stash[ITEM] = planned_case(item)
    except InputError as error:
        item.stash[REFUSED] = str(error)


def wrong_input(collector: pytest.Collector, report: pytest.CollectReport) -> pytest.UsageError | None:
    """Return the input error that a file raises while it is imported, with its line; None without one."""
    from harness.errors import InputError

    excinfo = getattr(getattr(report, "call", None), "excinfo", None)
    if excinfo is None or not isinstance(excinfo.value, InputError):
        return None
    lines = [entry.lineno + 1 for entry in excinfo.traceback if entry.path == collector.path]
    place = f"{collector.nodeid}:{lines[-1]}" if lines else collector.nodeid
    return pytest.UsageError(f"{place}: {excinfo.value}")


def planned_case(item: pytest.Function) -> ExperimentItem:
    """Return the case that the test's mark and parameters ask for.

    Raises:
        InputError: the dataset or model is unknown, or the recipe is wrong.
    """
    from harness.config.experiment import plan_experiment

    mark, arguments = experiment_mark(item), model_and_seed(item)
    assert mark is not None, "hooks and fixtures leave out a test without the mark"
    assert arguments is not None, "bind_case and the fixtures refuse a test without them"
    marked, session = experiment_arguments(mark), session_of(item.config)
    name, seed = arguments
    model = next(one for one in marked.models if name_of(one) == name)
    settings, variant = session.settings, variant_among(item, session.settings.variants())
    experiment = plan_experiment(settings, marked.dataset, model, seed, marked.recipe, marked.models, variant)
    timer = item.get_closest_marker("benchmark").kwargs["timer"]  # type: ignore[union-attr]
    seeds, number = settings.seeds_for(marked.seeds), session.next_number()
    models = frozenset(map(canonical_name, marked.models))
    return ExperimentItem(experiment, seeds, marked.limits, timer, number, models=models, axes=marked.axes)


def select_cases(harness: HarnessSession, items: list[pytest.Item]) -> None:
    """Leave out the cases of skipped tests, and order the others.

    Raises:
        pytest.UsageError: the experiment of a test that will run is refused, or the seeds do not suit an option.
    """
    for item in items:
        if (ITEM in item.stash or REFUSED in item.stash) and is_skipped(item):
            leave_out(item)
    for item in items:
        if REFUSED in item.stash and not (_is_on_a_folder(item) and may_be_skipped(item)):
            raise pytest.UsageError(with_valid_names(item.config, f"{item.nodeid}: {item.stash[REFUSED]}"))
    _require_one_builder(items)
    order_cases(harness, items)


def _require_one_builder(items: list[pytest.Item]) -> None:
    """Require that own models of one family on a dataset have one builder, in whatever file they are."""
    builders: dict[tuple[str, str], tuple[Any, str]] = {}
    for item in items:
        own = item.stash[ITEM].experiment.own if ITEM in item.stash else None
        if own is None:
            continue
        key, builder = (item.stash[ITEM].experiment.dataset, own.family), builder_of(own)
        known, place = builders.setdefault(key, (builder, item.nodeid))
        if known != builder:
            raise pytest.UsageError(
                f"{item.nodeid}: {own.family!r} is built by another function than in {place}\n"
                "give it another name, or import one function in both files"
            )


def leave_out(item: pytest.Item) -> None:
    """Leave a test's case out of all that is prepared, ordered and counted."""
    if ITEM in item.stash:
        del item.stash[ITEM]
    if REFUSED in item.stash:
        del item.stash[REFUSED]


def is_skipped(item: pytest.Item) -> bool:
    """Return whether the test's marks keep it from running.

    pytest's own hook decides it here and again before the test.
    """
    if reason_of_unittest(item) is not None:
        return True
    plugin: Any = item.config.pluginmanager.get_plugin("skipping")
    try:
        if plugin is not None:
            plugin.pytest_runtest_setup(item)
    except (pytest.skip.Exception, pytest.fail.Exception):  # xfail(run=False), a condition that cannot be evaluated
        return True
    return False


def reason_of_unittest(item: pytest.Item) -> str | None:
    """Return the reason of `unittest.skip` on a test function; None without it.

    By itself it skips the test after its fixtures, so after the training.
    """
    function = getattr(item, "obj", None)
    return getattr(function, "__unittest_skip_why__", "") if getattr(function, "__unittest_skip__", False) else None


def may_be_skipped(item: pytest.Item) -> bool:
    """Return whether a fixture or a hook of the project's own code runs before the case: it may skip it."""
    hooks = [one.function for one in item.config.hook.pytest_runtest_setup.get_hookimpls()]
    definitions: dict[str, Any] = item._fixtureinfo.name2fixturedefs  # type: ignore[attr-defined]
    fixtures = [one.func for found in definitions.values() for one in found]
    is_set_up = any(name.startswith("_xunit") for name in definitions)
    return is_set_up or any(_is_of_project(one, item) for one in hooks + fixtures)


def _is_of_project(function: Callable[..., Any], item: pytest.Item) -> bool:
    """Return whether the function's file belongs to the tests, and not to an installed package."""
    path = Path(getattr(getattr(function, "__code__", None), "co_filename", ""))
    is_local = path.is_relative_to(item.config.rootpath) and "site-packages" not in path.parts
    return (is_local or path == item.path) and not (function.__module__ or "").startswith("harness.")


def _is_on_a_folder(item: pytest.Item) -> bool:
    mark = experiment_mark(item) if isinstance(item, pytest.Function) else None
    return mark is not None and is_own_images(experiment_arguments(mark).dataset)


def is_listing(config: pytest.Config) -> bool:
    """Return whether this session lists tests or fixtures, and trains nothing."""
    return bool(config.option.collectonly or config.getoption("setuponly", False))
