import subprocess

import pytest

from harness.config.recipe import Resize
from harness.data import registry
from harness.errors import InputError
from tests.data.formats.fake_hub import fake_hub
from tests.data.formats.hugging_face_files import table

pytest.importorskip("datasets")


@pytest.fixture
def pets(tmp_path):
    """The files of a dataset of the hub."""
    files = {"README.md": b"# pets\n"}
    for split, labels in (("train", (0, 1, 1)), ("test", (1, 0))):
        path = tmp_path / "built.parquet"
        table(labels).to_parquet(str(path))
        files[f"data/{split}-00000-of-00001.parquet"] = path.read_bytes()
    return files


@pytest.fixture
def of_hub(monkeypatch, tmp_path):
    """Download a dataset from a hub with these ones; return its source."""
    for variable in ("HF_HOME", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)

    def download(name, datasets, **variables):
        with fake_hub(datasets) as (address, asked):
            for variable, value in {"HF_ENDPOINT": address, **variables}.items():
                monkeypatch.setenv(variable, value)
            source = registry.locate_or_download(name, tmp_path / "data", resize=Resize(8))
            assert asked
            assert all(name.removeprefix("hf:").partition("@")[0] in path for path in asked)  # nothing else is reported
        return source

    return download


def test_a_dataset_of_the_hub_is_downloaded_and_found_without_network(of_hub, pets, tmp_path):
    source = of_hub("hf:owner/pets", {"owner/pets": pets})
    assert source.path == tmp_path / "data/hf/owner--pets"
    assert source.count() == (3, 2)
    assert sorted(path.name for path in (tmp_path / "data/hf").iterdir()) == [".download.lock", "owner--pets"]
    dataset = registry.load("hf:owner/pets", tmp_path / "data", resize=Resize(8))
    assert dataset.train.labels.tolist() == [0, 1, 1]
    assert registry.get_spec("hf:owner/pets", tmp_path / "data").class_names == ("cat", "dog")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "reason", "remedy"),
    [
        ("hf:owner/absent", "doesn't exist on the Hub", "give hf:owner/name as on huggingface.co"),
        ("hf:owner/gated", "gated dataset", "accept its terms"),
        ("hf:owner/script", "Dataset scripts are no longer supported", "its code is never executed"),
        ("hf:owner/pets@large", "BuilderConfig 'large' not found", "hf:owner/pets@CONFIG"),
    ],
)
def test_a_refusal_of_the_hub_is_two_lines(of_hub, pets, tmp_path, name, reason, remedy):
    script = {"README.md": b"", "script.py": b"raise SystemExit(3)"}
    with pytest.raises(InputError) as refusal:
        of_hub(name, {"owner/pets": pets, "owner/gated": None, "owner/script": script})
    first, second = str(refusal.value).splitlines()
    assert f"dataset {name} is not in {tmp_path}/data, and could not download {name} (" in first
    assert reason in first
    assert remedy in second
    assert not (tmp_path / "data/hf" / name.removeprefix("hf:").replace("/", "--")).exists()


@pytest.mark.parametrize(
    ("failure", "remedy"),
    [
        ("ConnectionError: Couldn't reach 'owner/pets' on the Hub", "save it by its `save_to_disk` to"),
        ("DatasetNotFoundError: Dataset 'owner/pets' is a gated dataset on the Hub.", "set HF_TOKEN"),
        ("RuntimeError: Dataset scripts are no longer supported, but found pets.py", "its code is never executed"),
        ("ValueError: Config name is missing.\nPlease pick one of ['a', 'b']", "hf:owner/pets@CONFIG"),
        ("", "save it by its `save_to_disk` to"),
    ],
)
def test_a_failed_download_leaves_nothing_and_says_what_to_do(tmp_path, monkeypatch, failure, remedy):
    def run(command, **_):
        (tmp_path / "hf/.owner--pets").mkdir()
        return subprocess.CompletedProcess(command, 1, stdout=failure)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(InputError) as refusal:
        registry.locate_or_download("hf:owner/pets", tmp_path)
    first, second = str(refusal.value).splitlines()
    assert " ".join(failure.split()) in first
    assert remedy in second
    assert [path.name for path in (tmp_path / "hf").iterdir()] == [".download.lock"]


def test_downloads_go_to_the_users_own_cache_if_there_is_one(tmp_path, monkeypatch):
    seen = {}

    def run(command, env, **_):
        seen.update(env)
        return subprocess.CompletedProcess(command, 1, stdout="no")

    monkeypatch.setattr(subprocess, "run", run)
    for home, expected in (("/my/cache", None), (None, str(tmp_path / "hf/.downloads/hub"))):
        seen.clear()
        monkeypatch.setenv("HF_HOME", home) if home else monkeypatch.delenv("HF_HOME")
        monkeypatch.delenv("HF_HUB_CACHE", raising=False)
        with pytest.raises(InputError):
            registry.locate_or_download("hf:owner/pets", tmp_path)
        assert seen.get("HF_HUB_CACHE") == expected
        assert seen["HF_HUB_DISABLE_TELEMETRY"] == "1"
