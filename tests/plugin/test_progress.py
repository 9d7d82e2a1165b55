import pytest

from tests.plugin.benches import CONFTEST


@pytest.mark.slow
def test_progress_with_time_left_is_shown_without_s(bench, pytester):
    pytester.makeconftest(
        CONFTEST + "\nimport harness.training.progress\nharness.training.progress._LINE_SECONDS = 0.0"
    )
    run = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    run.stdout.fnmatch_lines(
        [
            "*1/2 digits resnet8 seed 0 · epoch 1/2 *",
            "*1/2 digits resnet8 seed 0 · epoch 2/2* left in all*",
            "*2/2 digits resnet8-2 seed 0 · epoch 2/2*/epoch · 0.0s left",
        ]
    )


@pytest.mark.slow
def test_progress_is_redrawn_in_a_notebooks_cell(bench, pytester):
    pytester.makeconftest(
        CONFTEST + "\nimport harness.training.show_progress\n"
        "harness.training.show_progress.is_notebook = lambda stream: True"
    )
    run = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-k", "resnet8-seed")
    run.stdout.fnmatch_lines(["1/1 digits resnet8 seed 0 · epoch 1/2 *"])  # a log gets a line after 30 s
