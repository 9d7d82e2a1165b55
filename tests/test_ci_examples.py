"""The example workflows of docs/ci.

`tox -e examples` runs each of their steps in a clean environment, as CI would.
"""

import re
import shutil
import xml.etree.ElementTree as ET

import pytest

from tests.helpers import REPOSITORY
from tests.helpers.clean_environment import CleanEnvironment

yaml = pytest.importorskip("yaml", reason="needs yaml: python -m pip install -e '.[dev]'")

GITHUB = yaml.safe_load((REPOSITORY / "docs/ci/github-actions.yml").read_text())
GITLAB = yaml.safe_load((REPOSITORY / "docs/ci/gitlab-ci.yml").read_text())
ON = GITHUB[True]  # YAML 1.1 reads the key `on` as a truth value
STEPS = GITHUB["jobs"]["guard"]["steps"]
# A short training, and no limit of the time: the machine may be busy.
SHORT = {
    "CASES": "resnet8-seed",
    "LIMITS": re.sub("(--max-epoch-time) [^ ]+", r"\1 none", GITHUB["env"]["LIMITS"]),
    "WIDER_OR_DEEPER_EPOCHS": "1",
}
WORSE = ("harness/models/resnet.py", "return logits", "return 0 * logits")


def test_both_workflows_guard_the_same_cases_by_the_same_limits():
    shared = {name: value for name, value in GITHUB["env"].items() if name != "BASE_SHA"}
    assert shared.items() <= GITLAB["variables"].items()
    assert (REPOSITORY / shared["BENCH"]).is_file()


def test_workflows_run_on_the_main_branch_and_on_what_is_merged_into_it():
    assert ON == {"pull_request": None, "push": {"branches": ["main"]}}
    conditions = [rule["if"] for rule in GITLAB["guard"]["rules"]]
    assert conditions == ['$CI_PIPELINE_SOURCE == "merge_request_event"', "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"]
    assert all(rule["variables"]["BASE_SHA"] for rule in GITLAB["guard"]["rules"])


def test_junit_file_and_report_are_kept_even_if_a_limit_is_violated():
    (upload,) = (step for step in STEPS if "upload-artifact" in step.get("uses", ""))
    assert upload["if"] == "always()"
    assert upload["with"]["path"].split() == ["report", "results", "junit.xml"]
    artifacts = GITLAB["guard"]["artifacts"]
    assert artifacts["when"] == "always"
    assert artifacts["paths"] == ["report/", artifacts["reports"]["junit"]]


def test_base_results_are_cached_by_commit_and_machine():
    (cache,) = (step for step in STEPS if step.get("id") == "base")
    for part in ("env.BASE_SHA", "steps.machine.outputs.name", "hashFiles('.github/workflows/guard.yml')"):
        assert part in cache["with"]["key"]
    assert {"key": "base-$BASE_SHA", "paths": ["base-results"]} in GITLAB["guard"]["cache"]


def test_base_is_trained_by_its_own_code_in_a_src_folder_too():
    (base,) = (step["run"] for step in STEPS if step.get("name", "").startswith("Train the base"))
    for script in (base, "\n".join(GITLAB["guard"]["script"])):
        assert re.search(r'PYTHONPATH="src:\$PYTHONPATH" python -m pytest .* --results-dir', script)


class Project:
    """A clone of this checkout with a main branch, for the commits that a CI service would check out."""

    def __init__(self, folder):
        self.folder, self.environment = folder / "project", CleanEnvironment(folder / "clean")
        origin = folder / "origin"
        shutil.copytree(REPOSITORY, origin, ignore=shutil.ignore_patterns(".git", ".tox", ".venv", "__pycache__"))
        self.git("init --quiet --initial-branch=main", origin)
        self.git("add --all", origin)
        self.git("commit --quiet --message=main", origin)
        self.git(f"clone --quiet {origin} {self.folder}", folder)
        self.base = self.git("rev-parse HEAD").strip()

    def git(self, command, folder=None):
        author = {f"GIT_{who}_{what}": "ci@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        return self.environment.succeed(f"git {command}", folder or self.folder, **author)

    def change(self, name, old, new):
        """Check out a commit on top of main with a change."""
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        self.git("commit --quiet --all --message=change")

    def back_to_main(self):
        """Check out main as a new runner would: without the last job's files."""
        self.git("reset --quiet --hard origin/main")
        self.git("clean --quiet -d --force -x --exclude=base-results")


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def run_github(project, event, folder):
    """Run the job's steps in order until one fails; return exit code and output of the last one.

    A stored cache is the folder that it names. The expressions are those of the file; another one is an error.
    """
    output, temporary, summary = folder / "output", folder / "temporary", folder / "summary.md"
    temporary.mkdir(parents=True)
    values = {
        "env.BASE_SHA": project.base,
        "github.event.pull_request.base.sha || github.sha": project.base,
        "steps.base.outputs.cache-hit != 'true'": not (project.folder / "base-results").exists(),
        "github.event_name == 'pull_request'": event == "pull_request",
        "always()": True,
    }
    expression = re.compile(r"\$\{\{ (.+?) \}\}")
    variables = {name: expression.sub(lambda found: values[found[1]], value) for name, value in GITHUB["env"].items()}
    variables |= SHORT | {
        "CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_WORKSPACE": str(project.folder), "RUNNER_TEMP": str(temporary), "GITHUB_EVENT_NAME": event,
    }  # fmt: skip
    code, printed = 0, ""
    for step in STEPS:
        if "run" in step and values[step.get("if", "always()")]:
            assert not expression.search(step["run"])
            code, printed = project.environment.run(step["run"], project.folder, **variables)
            print(f"### {event}: {step['name']}: exit code {code}\n{printed}")
            if code:
                break
    assert re.fullmatch(r"name=torch-[\w.]+-[\w.-]+\n", output.read_text())
    return code, printed


def run_gitlab(project, event):
    """Run the lines of the job's script in one shell; return its exit code and its output."""
    variables = {
        name: value.replace("$CI_PROJECT_DIR", str(project.folder)) for name, value in GITLAB["variables"].items()
    }
    variables |= SHORT | {
        "CI": "true", "GITLAB_CI": "true", "CI_PIPELINE_SOURCE": event, "BASE_SHA": project.base,
        "CI_PROJECT_DIR": str(project.folder),
    }  # fmt: skip
    code, printed = project.environment.run("\n".join(GITLAB["guard"]["script"]), project.folder, **variables)
    print(f"### {event}: exit code {code}\n{printed}")
    return code, printed


def check_a_failing_job(project, code, printed):
    assert code == 1
    assert "beyond the limits" in printed
    failures = ET.parse(project.folder / "junit.xml").findall(".//testcase/failure")
    assert ["digits resnet8: accuracy" in failure.get("message") for failure in failures] == [True]
    assert (project.folder / "report/index.html").is_file()


@pytest.mark.examples
def test_github_steps_pass_an_equal_change_and_fail_a_worse_model(project, tmp_path):
    assert run_github(project, "push", tmp_path / "push")[0] == 0
    assert len(list((project.folder / "base-results").glob("*/result.json"))) == 3
    project.change("README.md", "# wider-or-deeper", "# Wider or deeper")
    code, printed = run_github(project, "pull_request", tmp_path / "equal")
    assert (code, "3 passed" in printed) == (0, True)
    assert "resnet8" in (tmp_path / "equal/summary.md").read_text()
    project.back_to_main()
    project.change(*WORSE)
    check_a_failing_job(project, *run_github(project, "pull_request", tmp_path / "worse"))


@pytest.mark.examples
def test_github_steps_train_a_base_that_is_not_cached(project, tmp_path):
    project.change(*WORSE)
    check_a_failing_job(project, *run_github(project, "pull_request", tmp_path / "uncached"))


@pytest.mark.examples
def test_gitlab_script_passes_an_equal_change_and_fails_a_worse_model(project):
    assert run_gitlab(project, "push")[0] == 0
    project.change("README.md", "# wider-or-deeper", "# Wider or deeper")
    code, printed = run_gitlab(project, "merge_request_event")
    assert (code, "3 passed" in printed) == (0, True)
    project.back_to_main()
    project.change(*WORSE)
    check_a_failing_job(project, *run_gitlab(project, "merge_request_event"))
