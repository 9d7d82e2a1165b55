"""Files of the user's imported without pytest."""

import sys

import pytest

from harness.errors import InputError
from harness.study.import_file import import_file


@pytest.fixture(autouse=True)
def as_in_a_new_process(monkeypatch):
    """The imported modules and the folders of before, after each test."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = {*sys.modules}
    yield
    for name in {*sys.modules} - before:
        del sys.modules[name]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_file_beside_another_imports_it(tmp_path):
    write(tmp_path / "beside_it.py", "VALUE = 1")
    path = write(tmp_path / "user_file.py", "from beside_it import VALUE")
    assert import_file(path).VALUE == 1
    assert import_file(path) is sys.modules["user_file"]


def test_file_of_a_package_imports_by_relative_names(tmp_path):
    write(tmp_path / "user_package" / "__init__.py", "")
    write(tmp_path / "user_package" / "parts" / "__init__.py", "")
    write(tmp_path / "user_package" / "blocks.py", "VALUE = 2")
    path = write(tmp_path / "user_package" / "parts" / "nets.py", "from ..blocks import VALUE")
    assert import_file(path).__name__ == "user_package.parts.nets"
    assert import_file(tmp_path / "user_package" / "__init__.py").__name__ == "user_package"


def test_package_without_init_files_is_known_by_its_name(tmp_path):
    write(tmp_path / "user_space" / "blocks.py", "VALUE = 3")
    path = write(tmp_path / "user_space" / "nets.py", "from .blocks import VALUE")
    assert import_file(path, "user_space.nets").VALUE == 3


def test_file_whose_name_is_taken_is_imported_apart(tmp_path):
    path = write(tmp_path / "json.py", "VALUE = 4")
    assert import_file(path).VALUE == 4
    import json

    assert json.__file__ != str(path)


def test_file_that_raises_is_an_input_error(tmp_path):
    path = write(tmp_path / "user_file.py", "1 / 0")
    with pytest.raises(InputError, match=r"user_file\.py cannot be imported: ZeroDivisionError: division by zero$"):
        import_file(path)
