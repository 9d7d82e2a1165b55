import re
from math import erfc, sqrt

import pytest

from harness.analysis.f1_bound import max_macro_f1_percent
from harness.config.families import parse_model
from harness.models.resnet import blocks_of
from harness.paper.claims import (
    CLAIMS,
    Amount,
    FewerImagesWider,
    Greater,
    GrowsExponentially,
    MostAccurate,
    NearLiterature,
    PossibleF1,
    Times,
)
from harness.paper.literature import LITERATURE
from harness.paper.published import PUBLISHED, STUDY_MODELS, exact_parameters

STATEMENTS = [(claim, statement) for claim in CLAIMS for statement in claim.statements]
TEST_IMAGES = {"cifar10": 10_000, "fashionmnist": 10_000, "gtsrb": 12_630}


def claim(number):
    return CLAIMS[number - 1]


def test_claims_c1_to_c18_are_complete_and_in_order():
    assert [one.name for one in CLAIMS] == [f"C{number}" for number in range(1, 19)]
    assert all(one.text and one.audit and one.statements for one in CLAIMS)


@pytest.mark.parametrize(("one", "statement"), STATEMENTS, ids=[one.name for one, _ in STATEMENTS])
def test_statements_name_models_of_the_study(one, statement):
    # except one: the depth to compare with ω = 8 is not in the paper
    for model in {getattr(statement, "model", None), getattr(statement, "other", None)} - {None, "resnet218"}:
        assert model in STUDY_MODELS[statement.dataset]
    assert getattr(statement, "model", "") != getattr(statement, "other", None)


def test_depth_compared_with_width_8_has_twice_the_blocks_of_110():
    assert blocks_of(parse_model("resnet218")) == tuple(2 * blocks for blocks in blocks_of(parse_model("resnet110")))
    assert claim(11).statements[1] == Greater("cifar10", "resnet218", "resnet20-8", "marginal_gain")


@pytest.mark.parametrize("one", CLAIMS, ids=lambda one: one.name)
def test_papers_own_numbers_have_the_claimed_order(one):
    for statement in one.statements:
        if isinstance(statement, Greater) and statement.quantity == "accuracy_percent":
            ours, theirs = (PUBLISHED[statement.dataset, name] for name in (statement.model, statement.other))
            assert ours.accuracy_percent > theirs.accuracy_percent
            assert ours.final_accuracy_percent > theirs.final_accuracy_percent
            if statement.claimed is not None and one.name != "C7":  # the text says 0.45, the table 0.49
                points = over(statement.dataset, statement.model, statement.other)
                relative = round(100 * points / theirs.accuracy_percent, 2)
                assert statement.claimed.value == (points if statement.claimed.unit == "pp" else relative)
        if isinstance(statement, MostAccurate):
            rows = [row for row in PUBLISHED.values() if row.dataset == statement.dataset]
            assert max(rows, key=lambda row: row.accuracy_percent).model == statement.model


def test_first_eight_claims_are_about_accuracy():
    def is_of_accuracy(statement):
        return isinstance(statement, MostAccurate) or getattr(statement, "quantity", "") == "accuracy_percent"

    for number, one in enumerate(CLAIMS, 1):
        assert [is_of_accuracy(statement) for statement in one.statements] == [number <= 8] * len(one.statements)


@pytest.mark.parametrize(
    ("number", "pairs"),
    [
        (1, [("cifar10", "resnet20-2", "resnet56"), ("cifar10", "resnet20-4", "resnet110")]),
        (2, [("cifar10", "resnet20-8", "resnet110"), ("cifar10", "resnet20-8", None)]),
        (3, [("fashionmnist", "resnet20-4", "resnet110"), ("fashionmnist", "resnet20-4", None)]),
        (4, [("fashionmnist", "resnet20-2", "resnet56")]),
        (5, [("fashionmnist", "resnet20-4", "resnet20-8")]),
        (6, [("gtsrb", "resnet101", "resnet24-4"), ("gtsrb", "resnet50", "resnet24-2"), ("gtsrb", "resnet101", None)]),
        (7, [("gtsrb", "resnet24-2", "resnet24-4")]),
        (8, [("gtsrb", "resnet101", "resnet24-4"), ("gtsrb", "resnet50", "resnet24-4")]),
        (9, [("fashionmnist", "resnet20-2", "resnet56"), ("cifar10", "resnet20-2", "resnet56")]),
        (10, [("fashionmnist", "resnet20-4", "resnet110"), ("cifar10", "resnet20-4", "resnet110")]),
        (12, [("cifar10", "resnet20-4", "resnet110"), ("fashionmnist", "resnet20-4", "resnet110"),
              ("fashionmnist", "resnet20-2", "resnet56")]),
        (13, [("cifar10", "resnet20-4", "resnet110")]),
        (14, [("cifar10", "resnet20-8", "resnet20-4"), ("fashionmnist", "resnet20-8", "resnet20-4")]),
    ],
)  # fmt: skip
def test_claims_compare_the_models_in_their_text(number, pairs):
    found = [(one.dataset, one.model, getattr(one, "other", None)) for one in claim(number).statements]
    assert found == pairs


def test_other_claims_have_their_kind_of_statement():
    assert claim(15).statements == (
        GrowsExponentially("gtsrb", "params"),
        GrowsExponentially("gtsrb", "epoch_seconds"),
    )
    assert claim(16).statements == (
        *(NearLiterature(name, 2.0) for name in ("resnet20", "resnet56", "resnet110")),
        NearLiterature("resnet110", 2.0, "mean"),
    )
    assert claim(17).statements == (FewerImagesWider(),)
    assert claim(18).statements == (PossibleF1("cifar10"), PossibleF1("fashionmnist"))


@pytest.mark.parametrize(("one", "statement"), STATEMENTS, ids=[one.name for one, _ in STATEMENTS])
def test_claimed_amounts_are_in_the_text_of_the_claim(one, statement):
    if isinstance(statement, Greater) and statement.claimed is not None:
        assert f"{statement.claimed.value:.2f} {'pp' if statement.claimed.unit == 'pp' else '%'}" in one.text
    if isinstance(statement, Times):
        amount = statement.claimed.removesuffix(" lower")
        assert amount in one.text
        if "%" in amount:
            percent = float(amount.removesuffix(" %").replace("−", "-")) * (-1 if amount != statement.claimed else 1)
            assert statement.ratio == pytest.approx(1 + percent / 100)


def test_sizes_are_numbers_with_their_unit():
    claimed = {
        (one.name, statement.model): statement.claimed
        for one, statement in STATEMENTS
        if isinstance(statement, Greater) and statement.claimed is not None
    }
    assert claimed == {
        ("C2", "resnet20-8"): Amount(3.64, "pp"),
        ("C3", "resnet20-4"): Amount(0.72, "pp"),
        ("C4", "resnet20-2"): Amount(0.11, "pp"),
        ("C7", "resnet24-2"): Amount(0.45, "pp"),
        ("C8", "resnet101"): Amount(2.47, "% relative"),
        ("C8", "resnet50"): Amount(2.04, "% relative"),
    }
    assert [one.text for one in (Amount(0.1, "pp"), Amount(2.47, "% relative"))] == ["0.10 pp", "2.47 % relative"]


def test_texts_of_claims_have_the_full_names_of_models():
    names = re.compile(r"(?<![\w.-])(?:20|24|56|101|110)(?:-\d)?(?![\w.%])")
    for one in CLAIMS:
        assert not names.findall(one.text.replace("ResNet-110", "").replace("ω", "")), one.text


def over(dataset, model, other):
    return round(PUBLISHED[dataset, model].accuracy_percent - PUBLISHED[dataset, other].accuracy_percent, 2)


def unpaired(dataset, model, other):
    """z and p of two proportions."""
    ours, theirs = (PUBLISHED[dataset, name].accuracy_percent / 100 for name in (model, other))
    pooled = (ours + theirs) / 2
    z = (ours - theirs) / sqrt(pooled * (1 - pooled) * 2 / TEST_IMAGES[dataset])
    return round(z, 1), round(erfc(abs(z) / sqrt(2)), 2)


def gain_percent(dataset, model, other):
    return round(100 * (PUBLISHED[dataset, model].marginal_gain / PUBLISHED[dataset, other].marginal_gain - 1), 1)


def figure_gain_percent(dataset, model, other):
    ours, theirs = (PUBLISHED[dataset, name].figure_marginal_gain for name in (model, other))
    return round(100 * (ours / theirs - 1), 1)


def epoch_time_ratio(dataset, model, other):
    return PUBLISHED[dataset, model].epoch_seconds / PUBLISHED[dataset, other].epoch_seconds


def test_audits_of_accuracy_match_the_tables():
    assert (over("cifar10", "resnet20-2", "resnet56"), over("cifar10", "resnet20-4", "resnet110")) == (0.84, 2.33)
    assert "+0.84, +2.33 pp" in claim(1).audit
    assert over("cifar10", "resnet20-8", "resnet110") == 3.64
    assert "3.64 pp over resnet110" in claim(2).text
    assert over("fashionmnist", "resnet20-4", "resnet110") == 0.72
    assert "0.72 pp over resnet110" in claim(3).text
    assert over("fashionmnist", "resnet20-2", "resnet56") == 0.11
    assert "0.11 pp over resnet56" in claim(4).text
    assert over("fashionmnist", "resnet20-8", "resnet20-4") == -0.17
    assert "−0.17 pp" in claim(5).audit
    assert over("gtsrb", "resnet24-4", "resnet24-2") == -0.49
    assert "−0.49 pp" in claim(7).audit
    assert (over("gtsrb", "resnet101", "resnet24-4"), over("gtsrb", "resnet50", "resnet24-4")) == (2.29, 1.89)
    assert "2.29 and 1.89" in claim(8).audit


def test_audits_of_significance_match_the_tables():
    assert unpaired("fashionmnist", "resnet20-4", "resnet110")[0] == 2.2
    assert "z = 2.2" in claim(3).audit
    assert unpaired("fashionmnist", "resnet20-2", "resnet56")[1] == 0.75
    assert "p = .75" in claim(4).audit
    assert unpaired("fashionmnist", "resnet20-4", "resnet20-8")[1] == 0.60
    assert "p = .60" in claim(5).audit
    assert "p = .60" in claim(3).audit  # the same pair
    assert unpaired("gtsrb", "resnet101", "resnet24-4")[0] == 7.5
    assert unpaired("gtsrb", "resnet101", "resnet50")[1] == 0.16
    assert "z = 7.5" in claim(6).audit
    assert "p = .16" in claim(6).audit
    assert unpaired("gtsrb", "resnet24-2", "resnet24-4")[1] == 0.13
    assert "p = .13" in claim(7).audit


def test_audits_of_marginal_gain_match_tables_and_figure():
    pairs = [("fashionmnist", "resnet20-2", "resnet56"), ("cifar10", "resnet20-2", "resnet56")]
    assert [gain_percent(*pair) for pair in pairs] == [62.8, 51.9]
    assert [figure_gain_percent(*pair) for pair in pairs] == [65.5, 53.6]
    assert "+65.5 % on FashionMNIST, +53.6 % on CIFAR-10" in claim(9).text
    assert "+62.8 %, +51.9 %" in claim(9).audit

    pairs = [("fashionmnist", "resnet20-4", "resnet110"), ("cifar10", "resnet20-4", "resnet110")]
    assert [gain_percent(*pair) for pair in pairs] == [64.7, -2.4]
    assert [figure_gain_percent(*pair) for pair in pairs] == [61.0, -1.6]
    assert "+61.0 % on FashionMNIST, −1.6 % on CIFAR-10" in claim(10).text
    assert "+64.7 %, −2.4 %" in claim(10).audit


def test_audits_of_time_and_size_match_the_tables():
    assert round(100 * epoch_time_ratio("cifar10", "resnet20-4", "resnet110") - 100, 2) == 5.08
    assert round(100 - 100 * epoch_time_ratio("fashionmnist", "resnet20-4", "resnet110"), 1) == 38.8
    assert round(100 - 100 * epoch_time_ratio("fashionmnist", "resnet20-2", "resnet56"), 1) == 38.5
    assert claim(12).audit.startswith("+5.08 %; 38.8 % lower; 38.5 % lower")
    # "divided by the wrong side"
    assert round(100 / epoch_time_ratio("fashionmnist", "resnet20-4", "resnet110") - 100, 2) == 63.44
    assert round(100 / epoch_time_ratio("fashionmnist", "resnet20-2", "resnet56") - 100, 2) == 62.64

    assert round(exact_parameters("cifar10", "resnet20-4") / exact_parameters("cifar10", "resnet110"), 2) == 2.48
    assert claim(13).audit == "2.48 times"
    assert round(epoch_time_ratio("cifar10", "resnet20-8", "resnet20-4"), 2) == 3.12
    assert round(epoch_time_ratio("fashionmnist", "resnet20-8", "resnet20-4"), 2) == 2.55
    assert claim(14).audit == "3.12 times; 2.55 times"
    assert round(exact_parameters("cifar10", "resnet20-4") / exact_parameters("cifar10", "resnet20-2"), 2) == 3.99
    assert "3.99 times per doubling" in claim(15).audit


def test_audit_of_the_literature_matches_its_figures():
    he, repeated = LITERATURE[0].accuracy_percent, LITERATURE[0].repeated["resnet110"]
    models = ("resnet20", "resnet56", "resnet110")
    below = [round(he[model] - PUBLISHED["cifar10", model].accuracy_percent, 2) for model in models]

    assert below == [2.35, 3.10, 4.07]
    assert "2.35 / 3.10 / 4.07 pp below He et al." in claim(16).audit
    assert round(repeated.mean_percent - PUBLISHED["cifar10", "resnet110"].accuracy_percent, 2) == 3.89
    assert "3.89 pp below their mean of resnet110" in claim(16).audit


def test_audit_of_f1_matches_the_tables():
    suspect, near = PUBLISHED["fashionmnist", "resnet20-2"], PUBLISHED["cifar10", "resnet110"]
    bound = max_macro_f1_percent(suspect.final_accuracy_percent, 10)
    assert (suspect.macro_f1_percent, suspect.final_accuracy_percent, round(bound, 2)) == (94.27, 93.59, 94.25)
    assert "(94.27 at 93.59) exceeds the bound that accuracy sets (94.25)" in claim(18).audit
    assert round(max_macro_f1_percent(near.final_accuracy_percent, 10) - near.macro_f1_percent, 1) == 0.4
    assert "(90.58 at 89.50) is within .4" in claim(18).audit
    others = [row for row in PUBLISHED.values() if row.dataset != "gtsrb" and row is not suspect]
    assert all(row.macro_f1_percent < max_macro_f1_percent(row.final_accuracy_percent, 10) for row in others)
