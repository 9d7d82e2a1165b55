"""A public report names no host, user, kernel, folder or whole command; another one says that it may."""

import base64
import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness.report.build import write_report
from harness.report.loading import load_results_folders
from harness.report.public import Privacy
from harness.results.result import Attempt, OwnNetwork
from harness.throughput.record import record
from tests.helpers.synthetic import ENVIRONMENT, NOW, failed_result, outcome, store, synthetic_result
from tests.throughput.recordings import ENVIRONMENT as THROUGHPUT
from tests.throughput.recordings import MEASUREMENTS

MARKS = re.compile("mark(host|user|other|kernel|disk|site)", re.IGNORECASE)
HOME = "/home/markuser"
COMMAND = (
    f"{HOME}/venv/bin/python -m pytest {HOME}/bench/test_digits.py --full-training -k 'digits and resnet' --seeds 0,1 "
    f"--results-dir /mnt/markdisk/results --data-dir={HOME}/data --basetemp {HOME}/tmp --track mlflow:http://markhost.site"
)
PLACE = {
    "node": "markhost17.marksite.org",
    "platform": "Linux-6.1.0-markkernel-x86_64-with-glibc2.36",
    "commit": None,
    "commit_problem": f"git: dubious ownership in repository at '{HOME}/my repository'",
}


def marked(result, model="net(1)", node="markhost17.marksite.org"):
    """Return a result with a marker in every field that may name a host, a user, a kernel or a folder."""
    switched_off = {"capture": f"its step raised OSError: {HOME}/nets of markuser"}
    environment = ENVIRONMENT | PLACE | {"node": node, "switched_off": switched_off}
    dataset = f"folder:{HOME}/flowers"
    return replace(
        result,
        model=model,
        dataset=dataset,
        dataset_origin=dataset,
        case=replace(result.case, model=model, dataset=dataset, network="0" * 64),
        environment=environment,
        attempts=(Attempt(1, NOW, environment, command=COMMAND),),
        notes=(f"{HOME}/nets/net.py: 'a' is not a layer of MARKUSER",),
        switched_off=switched_off,
        disturbance_causes=("markuser's process used 1.2 cores",),
        cause=result.cause and "OSError: no route from markhost17 to http://markhost/x (10.0.0.1, ../markother/a, ~/b)",
        network=OwnNetwork("net", 3, 1.0, f"{HOME}/nets/net.py", "net", "NET"),
    )


def store_marked(tmp_path):
    """Store a study in two users' results folders, with damaged files, and return the folders."""
    roots = [tmp_path / "home/markuser/results", tmp_path / "home/markother/results"]
    for root in roots:
        is_first = root is roots[0]
        for seed, node in enumerate(("markhost17.marksite.org", "markhost3")):
            for model, depth in (("net(1)", 1), ("net(2)", 2))[: 2 if is_first else 1]:
                made = synthetic_result("digits", "resnet20", seed, 90.0 + depth + seed)
                store(root, marked(made, model, node), outcome("digits", made.accuracy_percent, seed))
        store(root, marked(failed_result("failed", dataset="digits", model="resnet20", seed=5)))
        for k in range(11):
            (root / f"broken{k}").mkdir()
            (root / f"broken{k}/result.json").write_text("{}")
        record(root, MEASUREMENTS[0], THROUGHPUT | PLACE)
    return roots


def written(folder):
    """Return the content of every written file by its name, as text, with the data links of pages decoded."""
    texts = {path.name: path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file()}
    page = texts["index.html"]
    links = re.findall("base64,([A-Za-z0-9+/=]+)", page)
    return texts | {"links": "".join(base64.b64decode(link).decode() for link in links), "names": " ".join(texts)}


def report_of(roots, folder, *, is_public):
    """Write a report of results folders and return its files, see `written`."""
    loaded = load_results_folders(roots, is_public=is_public)
    notes = {one.subject: [f"stopped by {HOME}/budget on markhost3"] for one in loaded.evidence}
    write_report(loaded, folder, f"python -m harness report {roots[0]} ../markother/results", notes=notes)
    return written(folder)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The files of a report that names the machine, and of a public one, of the same results."""
    place = tmp_path_factory.mktemp("public")
    roots = store_marked(place)
    public = report_of(roots, place / "public", is_public=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.report.build.study_figures", lambda *_: [])
        return {True: public, False: report_of(roots, place / "named", is_public=False)}


def test_public_report_has_no_marker_in_any_file(reports):
    named = {name: MARKS.findall(text) for name, text in reports[True].items()}
    assert {name: found for name, found in named.items() if found} == {}
    assert {"folder-flowers-results-1-learning-curves.svg", "index.html", "left-out.tex"} <= reports[True].keys()


def test_other_report_names_the_host_and_the_kernel(reports):
    page = reports[False]["index.html"]
    assert "markhost17.marksite.org" in page
    assert "markkernel" in page


def test_page_says_whether_it_is_public(reports):
    note = "This page names the machine and its folders; <code>report --public</code> leaves them out."
    assert [note in reports[is_public]["index.html"] for is_public in (False, True)] == [True, False]
    public = "Public: host, user and folders are left out."
    assert [public in reports[is_public]["index.html"] for is_public in (False, True)] == [False, True]


def test_public_report_keeps_figures_hosts_apart_and_the_choice_of_tests(reports):
    page = reports[True]["index.html"]
    assert "pytest test_digits.py --full-training -k &#39;digits and resnet&#39; --seeds 0,1    #" in page
    assert "trained on host 1 (" in page
    assert "results 1, results 2" in page
    assert "AMD EPYC, 2 threads, torch 2.15.0" in page


PRIVACY = Privacy({"markhost17": "host", "markuser": "user"})


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        (
            "pytest bench -k digits --full-training --seeds 0,1,2",
            "pytest bench -k digits --full-training --seeds 0,1,2",
        ),
        ("torchrun --rdzv-endpoint markhost17:1 -m pytest /a/bench -x --wod-epochs=3", "pytest bench --wod-epochs=3"),
        ("pytest bench/test_a.py::test_a[x] --junitxml=/a/b.xml -p no:x -n 4", "pytest 'test_a.py::test_a[x]'"),
        ("pytest bench --ray-address 10.0.0.1:6379 --baseline ../main --margin 1", "pytest bench --margin 1"),
        ("pytest /home/markuser /home/markuser/", "pytest user user"),
        ("wider-or-deeper report /a/results b --public --report-dir c", "python -m harness report --public"),
        ("python train.py --host markhost17", ""),
        ("WANDB_API_KEY=x env /opt/bin/pytest bench --rerun", "pytest bench --rerun"),
        ("pytest 'unbalanced", ""),
        ("pytest bench -k /srv/markdisk/flowers", "pytest bench -k flowers"),
        (
            "pytest bench -k 'markhost17 or digits' --engine markuser",
            "pytest bench -k 'markhost17 or digits' --engine markuser",
        ),
    ],
)
def test_public_command_keeps_what_chooses_the_training(command, kept):
    assert PRIVACY.command(command) == kept


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot read '/home/a b/c d.png'", "cannot read 'c d.png'"),
        ("see ../mine/x, ~markuser/y and ~/z", "see x, y and z"),
        ("MARKHOST17.cluster.org refused 10.1.2.3:80", "host refused host:80"),
        (r"\\markhost17\share\x and C:\Users\markuser\y are damaged", "x and y are damaged"),
        ("torch 2.15.0 on markhost17s, 1/2 of the images", "torch 2.15.0 on markhost17s, 1/2 of the images"),
    ],
)
def test_public_text_has_no_folder_host_or_user(text, shown):
    assert PRIVACY.text(text) == shown


def test_known_folders_with_spaces_are_left_out():
    result = replace(marked(synthetic_result()), dataset="folder:/srv/markdisk X/flowers")
    privacy = Privacy.of([result], [], [Path("/a/markdisk GmbH/P X/results"), Path("markdisk b/main")])
    assert privacy.text("/a/markdisk GmbH/P X/results/c: no") == "results/c: no"
    assert privacy.text("markdisk b/main/c of folder:/srv/markdisk X/flowers") == "main/c of folder:flowers"


def test_names_of_everybody_are_not_taken_for_a_user():
    result = marked(synthetic_result())
    found = Privacy.of([replace(result, dataset="folder:/home/root/x")], [], [Path("/home/ab/x")])
    assert {"root", "ab"}.isdisjoint(found.words)
    assert found.words["markuser"] == "user"


def test_this_machine_has_the_same_word_everywhere(monkeypatch):
    monkeypatch.setattr("platform.node", lambda: "markhost3")
    results = [marked(synthetic_result(), node=node) for node in ("markhost17.a.b", "markhost3")]
    found = Privacy.of(results, [], [])
    assert [found.result(one).environment["node"] for one in results] == ["host 1", "host 2"]
    assert found.text("markhost3 waits for markhost17") == "host 2 waits for host 1"
