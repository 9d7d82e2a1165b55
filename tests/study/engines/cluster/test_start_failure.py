import errno

import pytest

from harness.errors import InputError
from harness.study.engines.cluster.start_failure import explain_failure

TOO_LONG = OSError(
    "validate_socket_filename failed: AF_UNIX path length cannot exceed 107 bytes: /scratch/x/ray/session_1/sockets/p"
)
MISMATCH = RuntimeError(
    "Version mismatch: The cluster was started with:\n    Ray: 2.40.0\n    Python: 3.12.1\n"
    "This process on 10.0.0.2 was started with:\n    Ray: 2.51.0\n    Python: 3.11.7\n"
)
NO_INSTANCE = ConnectionError("Could not find any running Ray instance. Please specify the one by setting `--address`")


def denied(path):
    return PermissionError(errno.EACCES, "Permission denied", path)


NO_TOKEN = RuntimeError("Token authentication is enabled but no authentication token was found. Ensure that it is.")
REFUSED = ConnectionError("Failed to connect to Ray cluster at h:1")


@pytest.mark.parametrize(
    ("error", "address", "variables", "named", "remedy"),
    [
        (TOO_LONG, None, {"TMPDIR": "/scratch/x"}, "TMPDIR /scratch/x is too long", "RAY_TMPDIR=/tmp"),
        (TOO_LONG, None, {"TMPDIR": "/a", "RAY_TMPDIR": "/scratch/x"}, "RAY_TMPDIR /scratch/x is too long", "shorter"),
        (denied("/root/ray"), None, {"TMPDIR": "/root"}, "TMPDIR /root cannot be used", "RAY_TMPDIR=/tmp"),
        (denied("/tmp/ray"), None, {}, "TMPDIR /tmp cannot be used by --engine ray (Permission denied)", "RAY_TMPDIR"),
        (RuntimeError("Could not determine home directory."), None, {}, "Ray needs a home folder", "HOME=/tmp"),
        (denied("/nonexistent/.ray"), None, {}, "Ray needs a home folder", "HOME=/tmp"),
        (MISMATCH, "10.0.0.1:6379", {}, "--ray-address 10.0.0.1:6379: Version mismatch", "cluster's versions of Ray"),
        (MISMATCH, "10.0.0.1:6379", {}, "Ray: 2.40.0 Python: 3.12.1", "Ray: 2.51.0 Python: 3.11.7"),
        (NO_INSTANCE, "auto", {}, "--ray-address auto: this machine belongs to no running cluster", "ray start --head"),
        (denied("/no/tmp"), None, {"TMPDIR": "/no/tmp"}, "TMPDIR /no/tmp cannot be used", "RAY_TMPDIR"),
        (NO_TOKEN, "h:1", {}, "--ray-address h:1: RAY_AUTH_MODE is token, but there is no token", "set RAY_AUTH_MODE"),
        (REFUSED, "h:1", {}, "--ray-address h:1: Failed to connect", "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN to"),
        (RuntimeError("failed to connect"), "h:1", {"http_proxy": "http://p"}, "--ray-address h:1: failed", "no_proxy"),
        (RuntimeError("the raylet died"), None, {}, "--engine ray: Ray does not start on this machine", "raylet died"),
    ],
)  # fmt: skip
def test_message_blames_the_setting_at_fault_and_has_the_remedy(error, address, variables, named, remedy):
    message = explain_failure(error, address, variables)
    assert named in message
    assert remedy in message
    assert "(none)" not in message
    assert len(message.splitlines()) <= 2


def test_a_long_reason_is_cut():
    assert len(explain_failure(RuntimeError("word " * 1000), None, {})) < 400


def test_a_long_temporary_folder_is_named_before_ray_starts(monkeypatch, tmp_path):
    pytest.importorskip("ray", reason="needs Ray: python -m pip install -e '.[ray]'")
    from harness.study.engines.cluster.connection import Cluster

    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(long))
    with pytest.raises(InputError, match="TMPDIR .* is too long for --engine ray"):
        Cluster(None)


def test_a_stale_ray_address_is_named_by_its_variable(monkeypatch):
    pytest.importorskip("ray", reason="needs Ray: python -m pip install -e '.[ray]'")
    from harness.study.engines.cluster.connection import Cluster

    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(InputError, match=r"--ray-address auto: RAY_ADDRESS 127\.0\.0\.1:1: no cluster answers there"):
        Cluster("auto")
