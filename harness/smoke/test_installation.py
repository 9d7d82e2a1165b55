"""The installed package: names, models, a training that crashes, report, guard and plugin."""

import os
import pkgutil
import subprocess
import sys
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import harness
from harness.cli.main import main
from harness.config.datasets import SPECS
from harness.config.families import parse_model
from harness.models.build import build_network
from harness.models.cost import count_parameters
from harness.paper.published import STUDY_MODELS, exact_parameters
from harness.smoke.small_case import Resumed, train_small_case

STUDY = [(dataset, model) for dataset, models in STUDY_MODELS.items() for model in models]
CRASH = "import sys; from harness.smoke.small_case import crash_in_training; crash_in_training(sys.argv[1])"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results folder of a training without a crash."""
    folder = tmp_path_factory.mktemp("trained")
    train_small_case(folder)
    return folder


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results folder of a training that another process started and that crashed there."""
    folder, callback = tmp_path_factory.mktemp("resumed"), Resumed()
    crashed = subprocess.run([sys.executable, "-c", CRASH, str(folder)], capture_output=True, text=True, check=False)
    assert crashed.returncode == 1, crashed.stderr
    assert list(folder.glob("*/result.json")) == []
    train_small_case(folder, callback)
    assert callback.epochs == 2
    return folder


def test_every_public_name_is_there() -> None:
    assert [name for name in harness.__all__ if getattr(harness, name, None) is None] == []


def test_every_module_can_be_imported_or_needs_an_extra() -> None:
    requirements = distribution("wider-or-deeper").requires or []
    extras = {Requirement(one).name for one in requirements if "extra ==" in one}
    for module in pkgutil.walk_packages(harness.__path__, "harness."):
        try:
            import_module(module.name)
        except ModuleNotFoundError as error:
            if str(error.name).partition(".")[0] not in extras:
                raise


def test_program_and_plugin_are_registered() -> None:
    installed = distribution("wider-or-deeper")
    points = {(point.group, point.name): point.load() for point in installed.entry_points}
    assert points["console_scripts", "wider-or-deeper"] is main
    assert points["pytest11", "harness.plugin"].__name__ == "harness.plugin"
    assert installed.version == harness.__version__


@pytest.mark.parametrize(("dataset", "model"), STUDY)
def test_model_of_the_study_has_the_papers_parameters(dataset: str, model: str) -> None:
    spec = SPECS[dataset]
    network = build_network(parse_model(model), spec.channels, spec.num_classes, seed=0, device="meta")
    assert count_parameters(network) == exact_parameters(dataset, model)


def test_training_that_crashed_resumes_to_the_same_bits(trained: Path, resumed: Path) -> None:
    (one,), (other,) = harness.load_results(trained), harness.load_results(resumed)
    assert one.accuracy_percent is not None
    assert one.accuracy_percent > 20  # a guess has 10
    assert (one.accuracy_percent, one.macro_f1_percent) == (other.accuracy_percent, other.macro_f1_percent)
    weights = "weights.safetensors"
    assert one.files[weights] == other.files[weights]


def test_report_has_a_page_tables_and_figures(trained: Path, tmp_path: Path) -> None:
    assert main(["report", str(trained), "--report-dir", str(tmp_path)]) == 0
    assert "resnet8" in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert list(tmp_path.glob("tables/*.csv"))
    assert list(tmp_path.glob("figures/*.svg"))


def test_check_compares_with_earlier_results(trained: Path, resumed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["check", str(trained), str(resumed), "--max-epoch-time", "none", "--max-memory", "none"]
    assert main(arguments) == 0, capsys.readouterr()


def test_own_file_runs_beside_a_conftest_that_loads_the_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "test_own.py"]) == 0
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["harness.plugin"]\n')
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "WIDER_OR_DEEPER_"))}
    homes = {f"XDG_{kind}_HOME": str(tmp_path / kind) for kind in ("STATE", "CACHE")}
    command = [sys.executable, "-m", "pytest", "test_own.py", "-k", "resnet8-seed", "--device", "cpu"]
    ran = subprocess.run(command, env=kept | homes, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count("wider-or-deeper: quick mode") == 1
    assert "1 passed" in ran.stdout
    assert (tmp_path / "report/index.html").is_file()
