"""The section on predictions, from stored studies to the page."""

import numpy as np
import pytest

from harness.analysis.answer import Question
from harness.analysis.comparison import Comparisons
from harness.analysis.power import ASSUMED_SPREAD
from harness.analysis.predicted import MOST_MODELS, MOST_SEEDS, predicted_models
from harness.config.datasets import SPECS
from harness.report.build import write_report
from harness.report.loading import load_results_folders
from harness.report.topics.predictions import predictions_section
from harness.results.folder import ResultsFolder
from tests.analysis.predictions import half_logits, random_logits
from tests.analysis.synthetic_evidence import measured
from tests.helpers.synthetic import store, synthetic_result

QUESTION = Question(ASSUMED_SPREAD)
SKILLS = {"resnet20": 1.0, "resnet110": 1.2, "resnet20-4": 1.4}
IMAGES, CLASSES = SPECS["digits"].test_images, SPECS["digits"].num_classes


def store_predicted(root, skills=SKILLS, seeds=3, *, has_logits=True):
    """Store a study of digits whose networks of one model err on the same images."""
    generator = np.random.default_rng(0)
    labels, hard = np.arange(IMAGES) % CLASSES, generator.normal(size=IMAGES)
    for model, skill in skills.items():
        logits = random_logits(generator, labels, seeds=seeds, skill=skill, own=1.0, hard=hard, classes=CLASSES)
        for seed, one in enumerate(logits):
            predicted = labels, one.argmax(axis=1)
            result = synthetic_result("digits", model, seed, predicted=predicted)
            folder = ResultsFolder(root)
            folder.folder(result.case).mkdir(parents=True)
            if has_logits:
                folder.write_logits(result.case, half_logits(one))
            store(root, result, predicted)
    return root


def section_of(root):
    (evidence,) = load_results_folders([root]).evidence
    return predictions_section(evidence, Comparisons(evidence), QUESTION)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    return store_predicted(tmp_path_factory.mktemp("predicted"))


@pytest.fixture(scope="module")
def section(stored):
    return section_of(stored)


def test_section_has_its_tables_and_its_figure(section):
    assert [one.file_name for one in section.tables] == [
        "digits-predictions-disagreement", "digits-predictions-calibration", "digits-predictions-ensembles",
    ]  # fmt: skip
    assert [one.file_name for one in section.figures] == ["digits-predictions-ensembles"]
    disagreement, calibration, _ = section.tables
    assert len(disagreement.rows) == 3
    tested = {(row["model"], row["other"]) for row in disagreement.rows if row["p_holm"] is not None}
    assert tested == {("resnet110", "resnet20-4")}
    assert [row["seeds"] for row in calibration.rows] == [3, 3, 3]


def test_sentences_give_the_counterparts_with_their_n(section):
    text = "\n".join(section.sentences)
    for part in (
        "resnet110 and resnet20-4 disagree on", "3 seeds each: no p below 0.1 is possible",
        "classified correctly by every seed of resnet20-4 and by none of resnet110 (3 seeds each); by chance",
        "Expected calibration error:", "3 resnet20 or one resnet110?",
    ):  # fmt: skip
        assert part in text


def test_a_dozen_pictures_have_the_true_class_and_both_answers(section):
    assert 0 < len(section.pictures) <= 12
    for one in section.pictures:
        assert one.truth in one.answers.values()
        assert len(set(one.answers.values())) == 2
        assert set(one.answers) == {"resnet110", "resnet20-4"}


def test_page_shows_the_pictures_behind_a_heading(stored, tmp_path, no_figures):
    loaded = load_results_folders([stored])
    report = write_report(loaded, tmp_path, "report", pictures=lambda _, places: [b"PNG"] * len(places))
    page = report.page.read_text()
    assert page.count('<img src="data:image/png;base64,UE5H"') == len(section_of(stored).pictures)
    assert page.index("What they learn") > page.index("what stands behind the answer")


def test_older_results_without_logits_have_disagreement_alone(tmp_path):
    section = section_of(store_predicted(tmp_path, has_logits=False))
    assert [one.file_name for one in section.tables] == ["digits-predictions-disagreement"]
    assert list(section.figures) == []
    assert any(one.startswith("No calibration and no ensembles of resnet20") for one in section.sentences)


def test_damaged_logits_are_left_out_by_name(tmp_path, no_figures):
    root = store_predicted(tmp_path / "results")
    damaged = sorted(root.glob("*resnet20-seed1*/logits.npy"))[0]
    damaged.write_bytes(damaged.read_bytes()[:-1])
    loaded = load_results_folders([root])
    assert loaded.left_out == []  # read when they are used
    write_report(loaded, tmp_path / "report", "report")
    assert loaded.left_out == [f"{damaged} is damaged: its SHA-256 is not the one in result.json"]
    page = (tmp_path / "report/index.html").read_text()
    assert "No calibration and no ensembles of resnet20:" in page
    assert "is damaged: its SHA-256" in page


def test_study_of_one_network_has_no_section(tmp_path):
    assert section_of(store_predicted(tmp_path, {"resnet20": 1.0}, 1)) is None


def test_one_seed_each_has_no_test_and_no_chance_level(tmp_path):
    section = section_of(store_predicted(tmp_path, seeds=1))
    text = "\n".join(section.sentences)
    assert "with one seed each there is no chance level" in text
    assert "p =" not in text
    assert [one.file_name for one in section.tables][1:] == ["digits-predictions-calibration"]


def test_few_networks_of_a_large_study_are_read():
    models = [f"resnet{depth}" for depth in (20, 32, 44, 56, 68, 110)] + [f"resnet20-{width}" for width in (2, 3, 4, 5)]
    evidence = measured({model: [90.0 + 0.1 * k for k in range(7)] for model in models}, "digits")
    found = predicted_models(evidence)
    assert len(found) == MOST_MODELS
    assert {len(one.seeds) for one in found} == {MOST_SEEDS}
    axes = evidence.axes
    wide, deep = axes.counterparts[-1]
    assert {axes.base, wide, deep} <= {one.model for one in found}
    section = predictions_section(evidence, Comparisons(evidence), QUESTION)
    assert section.sentences[0].startswith(f"{MOST_MODELS * MOST_SEEDS} of 70 networks are compared: resnet20, ")
