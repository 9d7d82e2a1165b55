import os
import pwd
import stat
import tempfile

import pytest

from harness.config.data_folder import default_data_dir
from harness.config.settings import read_settings
from harness.errors import InputError


@pytest.fixture
def without_home(monkeypatch, tmp_path):
    """A user as in a container: neither a passwd entry nor HOME; the temporary folder is ``tmp_path``."""
    for variable in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)

    def unknown(uid):
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_default_data_dir_is_in_the_users_cache_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_data_dir().is_relative_to(tmp_path)


@pytest.mark.usefixtures("without_home")
def test_default_data_dir_without_a_home_is_a_temporary_folder(tmp_path):
    own = tmp_path / f"wider-or-deeper-{os.getuid()}"
    assert read_settings({}, {}).data_dir == own / "data"
    assert stat.S_IMODE(own.stat().st_mode) == 0o700


@pytest.mark.usefixtures("without_home")
def test_the_default_data_dir_is_not_in_a_folder_that_is_a_link(tmp_path):
    (tmp_path / f"wider-or-deeper-{os.getuid()}").symlink_to("elsewhere")
    with pytest.raises(InputError, match="is a link of the user .*\nset TMPDIR to a folder of your own"):
        default_data_dir()


@pytest.mark.usefixtures("without_home")
def test_a_cache_folder_from_the_environment_needs_no_home(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_data_dir().is_relative_to(tmp_path / "cache")


@pytest.mark.usefixtures("without_home")
def test_without_home_and_temporary_folder_tmpdir_is_the_remedy(monkeypatch):
    def fail():
        raise FileNotFoundError("No usable temporary directory found in ['/tmp', '/']")

    monkeypatch.setattr(tempfile, "gettempdir", fail)
    with pytest.raises(InputError, match="set TMPDIR"):
        default_data_dir()


@pytest.mark.usefixtures("without_home")
@pytest.mark.parametrize("option", ["data_dir", "results_dir", "report_dir", "baseline"])
def test_a_tilde_without_a_home_names_the_option_and_the_remedy(option):
    with pytest.raises(InputError, match=f"--{option.replace('_', '-')}.*set HOME, or give a folder without ~"):
        read_settings({option: "~/x"}, {})
