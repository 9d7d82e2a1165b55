import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.study.engines.cluster.own_cluster import private_cluster, ray_folder
from tests.helpers.users import as_other_user, place_of_all_users

NAME = f"wider-or-deeper-{os.geteuid()}"


@pytest.fixture(autouse=True)
def no_variables_of_ray(monkeypatch):
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_MODE", "RAY_TMPDIR", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def shared(monkeypatch):
    """A TMPDIR in which every user can make a folder; its name is short, as Ray's sockets need it."""
    with place_of_all_users() as place:
        place.chmod(0o1777)
        monkeypatch.setenv("TMPDIR", str(place))
        yield place


def test_a_token_is_generated_and_removed_after_the_cluster(shared, monkeypatch):
    with private_cluster():
        first = os.environ["RAY_AUTH_TOKEN"]
        assert len(first) == 64
        assert "RAY_AUTH_MODE" not in os.environ
    assert "RAY_AUTH_TOKEN" not in os.environ
    with private_cluster():
        assert os.environ["RAY_AUTH_TOKEN"] == first  # Ray reads it once per process


def test_the_users_token_is_for_the_users_cluster_only(shared, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "t" * 64)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with private_cluster():
        assert os.environ["RAY_AUTH_TOKEN"] != "t" * 64
        assert "RAY_AUTH_MODE" not in os.environ
    assert (os.environ["RAY_AUTH_TOKEN"], os.environ["RAY_AUTH_MODE"]) == ("t" * 64, "disabled")


def test_rays_folder_is_inside_a_private_one(shared, tmp_path):
    assert ray_folder() == str(shared / NAME / "ray")
    assert stat.S_IMODE((shared / NAME).stat().st_mode) == 0o700
    assert ray_folder({"TMPDIR": str(shared), "RAY_TMPDIR": str(tmp_path)}) == str(tmp_path / "ray")  # private itself


def test_rays_folder_is_not_made_where_others_can_enter(tmp_path):
    tmp_path.chmod(0o755)  # Ray makes its folder writable for all
    assert ray_folder({"RAY_TMPDIR": str(tmp_path)}) == str(tmp_path / NAME / "ray")


def test_rays_folder_is_not_made_in_another_users_folder(shared):
    with as_other_user():
        (shared / NAME).mkdir()
    with pytest.raises(InputError, match=f"{NAME} is a folder of the user"):
        ray_folder()


def test_a_temporary_folder_that_does_not_exist_is_an_os_error():
    with pytest.raises(FileNotFoundError):
        ray_folder({"RAY_TMPDIR": "/nonexistent"})


@pytest.fixture
def calls_of_init(monkeypatch):
    """The tokens and temporary folders with which Ray is called; it then fails to start."""
    ray = pytest.importorskip("ray", reason="needs Ray: python -m pip install -e '.[ray]'")
    calls = []

    def fail(*_, _temp_dir, **__):
        calls.append((os.environ.get("RAY_AUTH_TOKEN"), _temp_dir))
        raise RuntimeError("no")

    monkeypatch.setattr(ray, "init", fail)
    return calls


def test_an_own_cluster_starts_with_a_secret_and_a_private_folder(shared, calls_of_init, monkeypatch):
    from harness.study.engines.cluster.connection import Cluster

    with pytest.raises(InputError, match="Ray does not start on this machine: no"):
        Cluster(None)
    ((token, folder),) = calls_of_init
    assert (len(token), folder) == (64, str(shared / NAME / "ray"))
    assert "RAY_AUTH_TOKEN" not in os.environ


def test_a_given_cluster_gets_the_users_token(calls_of_init, monkeypatch):
    from harness.study.engines.cluster.connection import Cluster

    monkeypatch.setenv("RAY_AUTH_TOKEN", "t" * 64)
    with pytest.raises(InputError, match="--ray-address auto: no"):
        Cluster("auto")
    assert calls_of_init == [("t" * 64, None)]


def test_a_missing_token_is_an_input_error(monkeypatch):
    ray = pytest.importorskip("ray", reason="needs Ray: python -m pip install -e '.[ray]'")
    from harness.study.engines.cluster.connection import Cluster

    def fail(**_):
        raise ray.exceptions.AuthenticationError(
            "Token authentication is enabled but no authentication token was found"
        )

    monkeypatch.setattr(ray, "init", fail)
    with pytest.raises(
        InputError, match="RAY_AUTH_MODE is token, but there is no token\nset RAY_AUTH_MODE=token, and "
    ):
        Cluster("auto")


STRANGER = """
import logging, sys, ray
try:
    ray.init(address=sys.argv[1], log_to_driver=False, logging_level=logging.CRITICAL)
    print("inside")
except Exception as error:
    print(type(error).__name__)
"""


@pytest.mark.scale
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning:ray")
def test_only_this_process_reaches_into_its_own_cluster(tmp_path):
    ray = pytest.importorskip("ray", reason="needs Ray: python -m pip install -e '.[ray]'")
    from harness.study.engines.cluster.connection import Cluster

    with tempfile.TemporaryDirectory(prefix="wod-") as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", home)
        patch.setenv("HOME", home)
        cluster = Cluster(None)
        try:
            address = ray.get_runtime_context().gcs_address
            assert os.environ["RAY_AUTH_MODE"] == "token"
            assert not Path(home, ".ray").exists()
            without = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
            command = [sys.executable, "-c", STRANGER, address]  # it waits for twenty seconds
            ran = subprocess.run(command, env=without, capture_output=True, text=True, check=True, timeout=120)
            assert ran.stdout == "ConnectionError\n"
        finally:
            cluster.close()
    assert "RAY_AUTH_TOKEN" not in os.environ
