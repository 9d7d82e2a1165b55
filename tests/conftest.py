"""What the tests share: a dataset, a case and a result small enough to train in a blink."""

import importlib
import importlib.util
import os
import warnings

import pytest

from harness.config.option import ENVIRONMENT_PREFIX
from harness.results.folder import ResultsFolder
from harness.training.train import train
from tests.helpers.tiny import CPU, make_case, make_dataset

pytest_plugins = ["pytester"]

_APART = {
    "release": "repeats, for other values, a kind of fault that another test causes",
    "slow": "takes four seconds or more",
    "soak": "takes many minutes",
    "scale": "needs many processes",
    "mutations": "takes some minutes",
    "examples": "runs the example workflows and the steps of the Dockerfile",
    "package": "installs the wheel and the source distribution into an empty environment",
    "docs": "needs the built site of the documentation",
}
_WITHOUT_XDIST = "-pno:xdist -pno:xdist.looponfail"


def _import(module, *_, **__):
    with warnings.catch_warnings():  # as importorskip does
        warnings.simplefilter("ignore")
        return importlib.import_module(module)


if os.environ.get("NO_MISSING_EXTRAS"):  # set by tox, which installs every extra: a missing one is an error there
    pytest.importorskip = _import


def pytest_configure(config):
    if importlib.util.find_spec("hypothesis") is None:
        raise pytest.UsageError("hypothesis is not installed: the tests need `python -m pip install -e '.[dev]'`")
    # Here and not in pyproject.toml: a user's run of many hours must not end at a warning of some library's.
    config.addinivalue_line("filterwarnings", "error")
    # Python 3.12 and later: the reference pipeline's loader forks its workers as the study's did, beside threads.
    fork = "ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"
    config.addinivalue_line("filterwarnings", fork)
    # torch.compile on a machine with a GPU, also for the CPU.
    config.addinivalue_line("filterwarnings", "ignore:TensorFloat32 tensor cores:UserWarning")

    for mark, why in _APART.items():
        config.addinivalue_line("markers", f"{mark}: {why}, and runs only with `-m {mark}`")


def _apart(item):
    """Return the first mark that keeps a test apart; an empty text, part of any, without one."""
    return next(filter(item.get_closest_marker, _APART), "")


def pytest_collection_modifyitems(config, items):
    left_out = [item for item in items if _apart(item) not in config.option.markexpr]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    # First, thus in one process: pytest-xdist gives each process a part of the list. Two clusters at once are slow.
    items.sort(key=lambda item: item.get_closest_marker("scale") is None)


@pytest.fixture(scope="session", autouse=True)
def the_same_options_on_every_machine():
    """No options from the environment, but a CPU at float32: also on a machine with a GPU, or with bf16."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in [name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX)]:
            patch.delenv(variable)
        patch.setenv(f"{ENVIRONMENT_PREFIX}DEVICE", "cpu")
        patch.setenv(f"{ENVIRONMENT_PREFIX}PRECISION", "fp32")
        yield


@pytest.fixture(scope="session", autouse=True)
def a_machine_of_their_own(tmp_path_factory):
    """Whatever else trains on this machine, the tests' cases do not meet it."""
    folder = tmp_path_factory.mktemp("machine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.hardware.co_scheduling.machine_folder", lambda: folder)
        yield


@pytest.fixture(scope="session", autouse=True)
def a_state_folder_of_their_own(tmp_path_factory):
    """The tests remember nothing in this user's own state folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session", autouse=True)
def sessions_without_xdist():
    """The sessions that tests start are neither workers of pytest-xdist, as this one may be, nor have it."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in [name for name in os.environ if name.startswith("PYTEST_XDIST_")]:
            patch.delenv(variable)
        patch.setenv("PYTEST_ADDOPTS", _WITHOUT_XDIST)
        yield


@pytest.fixture
def pytester(pytester, monkeypatch):
    """A pytester whose sessions are without pytest-xdist too; pytest's own discards PYTEST_ADDOPTS."""
    monkeypatch.setenv("PYTEST_ADDOPTS", _WITHOUT_XDIST)
    return pytester


@pytest.fixture(scope="session")
def tiny_dataset():
    return make_dataset()


@pytest.fixture
def results(tmp_path):
    return ResultsFolder(tmp_path / "results")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    """The results folder that `tiny_result` lies in; not to be changed."""
    return ResultsFolder(tmp_path_factory.mktemp("tiny-results"))


@pytest.fixture(scope="session")
def tiny_result(tiny_dataset, tiny_folder):
    """A complete result of a real, tiny training."""
    return train(make_case(tiny_dataset), tiny_dataset, tiny_folder, CPU)


@pytest.fixture
def no_known_gain(monkeypatch, tmp_path):
    """A state folder of the test, and no gain of compiling read before."""
    from harness.training.compile_gain import known_gain

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    known_gain.cache_clear()
    yield
    known_gain.cache_clear()
