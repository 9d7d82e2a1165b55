import hashlib
import json
import re
import tomllib

import pytest

from harness.cli.main import main
from harness.files import with_sha256
from tests.records.add import KEPT, add, provenance, without_machine
from tests.records.quotes import MODULES
from tests.records.record import RECORDS, record

README = (RECORDS / "README.md").read_text()
FOLDERS = sorted(path.name for path in RECORDS.iterdir() if path.is_dir())
NAMES = [name for name in FOLDERS if list((RECORDS / name).glob("*/*.json"))]
MEASURED = RECORDS / "measured.toml"
MOST_FILE_BYTES, MOST_BYTES = 2**18, 2**23


def section(name):
    (found,) = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", README, re.DOTALL | re.MULTILINE)
    return found


def test_there_are_records():
    assert {"digits", "fashionmnist"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_record_loads_without_a_line_left_out(name):
    loaded = record(name).loaded
    assert loaded.results or loaded.recorded
    assert (loaded.left_out, loaded.started) == ([], [])


def test_code_of_a_record_counts_as_the_present_one():
    assert record("fashionmnist").loaded.results[0].environment["training_code"] == "6fe2c2830a53"
    assert "other code" not in record("fashionmnist").terminal()


@pytest.mark.parametrize("name", NAMES)
def test_every_case_is_complete(name):
    for result in record(name).loaded.results:
        assert (result.status, result.mode) == ("complete", "full")
        assert result.epochs == result.case.recipe.epochs
        assert result.dataset_whole
        assert not result.stand_in


@pytest.mark.parametrize("name", NAMES)
def test_every_model_has_the_same_seeds(name):
    for evidence in record(name).loaded.evidence:
        seeds = {model: tuple(evidence.of(model)) for model in evidence.models}
        assert len(set(seeds.values())) == 1, seeds


@pytest.mark.parametrize("name", NAMES)
def test_files_match_their_sha256_and_only_weights_are_absent(name):
    for result in record(name).loaded.results:
        folder = RECORDS / name / result.case.folder_name
        present = {path.name for path in folder.iterdir()}
        assert present == {"result.json"} | result.files.keys() & {*KEPT}
        assert result.files.keys() - present <= {"weights.safetensors"}
        for file in present - {"result.json"}:
            assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == result.files[file], folder / file


@pytest.mark.parametrize("name", NAMES)
def test_models_are_compared_by_one_version_of_the_code(name):
    for evidence in record(name).loaded.evidence:
        if len(evidence.models) > 1:
            codes = {on.get("training_code") for one in evidence.results for on in one.training_environments}
            assert len(codes) == 1


@pytest.mark.parametrize("name", NAMES)
def test_no_folder_and_no_host_is_named(name):
    for path in sorted((RECORDS / name).rglob("*.json*")):
        for line in path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]:
            assert without_machine(json.loads(line)) == json.loads(line), path


@pytest.mark.parametrize("name", NAMES)
def test_readme_says_how_the_record_was_made(name):
    missing = [line for line in provenance(RECORDS / name) if line not in section(name)]
    assert missing == [], f"lines to add to the section {name} of records/README.md"


@pytest.mark.parametrize("name", FOLDERS)
def test_record_has_a_section_of_its_own(name):
    assert section(name)


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--public"]], ids=["plain", "public"])
@pytest.mark.parametrize("name", NAMES)
def test_report_is_written_from_the_record(name, options, tmp_path, capsys):
    assert main(["report", str(RECORDS / name), "--report-dir", str(tmp_path), *options]) == 0
    assert capsys.readouterr().err == ""
    assert (tmp_path / "index.html").stat().st_size > 10_000


def test_records_are_small():
    sizes = {path: path.stat().st_size for path in RECORDS.rglob("*") if path.is_file()}
    assert [path for path, size in sizes.items() if size > MOST_FILE_BYTES] == []
    assert sum(sizes.values()) < MOST_BYTES


@pytest.mark.skipif(not MEASURED.exists(), reason="no figure was measured by hand")
def test_measured_figures_are_described_and_quoted():
    quoted = "\n".join(
        (RECORDS.parent / f"{one.__name__.replace('.', '/')}.py").read_text() for one in MODULES.values()
    )
    for name, entry in tomllib.loads(MEASURED.read_text()).items():
        assert entry.keys() == {"what", "how", "machine", "commit", "date", "values"}, name
        assert re.fullmatch(r"[0-9a-f]{7,40}", entry["commit"]), name
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", str(entry["date"])), name
        assert f'measured("{name}")' in quoted, f"no page quotes {name}"


def sealed(folder, **changes):
    """Write a result of the record with changes into a folder of a case."""
    origin = next((RECORDS / "fashionmnist").glob("*-seed0-*"))
    content = json.loads((origin / "result.json").read_text()) | changes
    content.pop("sha256")
    case = folder / origin.name
    case.mkdir(parents=True)
    (case / "result.json").write_text(with_sha256(content))
    for name in ("epochs.jsonl", "predictions.npz"):
        (case / name).write_bytes((origin / name).read_bytes())
    (case / "weights.safetensors").write_bytes(b"large")
    return case


def test_added_result_has_neither_weights_nor_names_of_the_machine(tmp_path):
    case = sealed(tmp_path / "results", dataset_origin="idx files in /home/ann/data/fashionmnist")
    add(tmp_path / "results", tmp_path / "record")
    added = json.loads((tmp_path / "record" / case.name / "result.json").read_text())
    assert added["dataset_origin"] == "idx files in fashionmnist"
    assert added["environment"]["node"] == "host"
    assert {path.name for path in (tmp_path / "record" / case.name).iterdir()} == {
        "result.json",
        "epochs.jsonl",
        "predictions.npz",
    }
    before = json.loads((case / "result.json").read_text())
    changed = {key for key in before if before[key] != added[key]}
    assert changed <= {"dataset_origin", "environment", "attempts", "sha256"}


def test_result_that_is_not_complete_is_not_added(tmp_path):
    sealed(tmp_path / "results", status="diverged")
    (line,) = add(tmp_path / "results", tmp_path / "record")
    assert line.startswith("left out, diverged")


def test_damaged_result_is_not_added(tmp_path):
    path = sealed(tmp_path / "results") / "result.json"
    path.write_text(path.read_text().replace("93.65", "99.65"))
    with pytest.raises(ValueError, match="damaged, or changed by hand"):
        add(tmp_path / "results", tmp_path / "record")
