"""Recompute a report's numbers from the raw files of its results folders, with no code of the harness.

    python tests/report/recompute.py RESULTS TABLES

Reads result.json, predictions.npz and epochs.jsonl, recomputes the numbers of the CSV tables, prints every number that
differs, and fails if one does. Models must be of the families named resnet. Published figures are not recomputed.
"""

import itertools
import json
import math
import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

ALPHA, EXACT = 0.05, 1e-7
DRAWS, MONTE_CARLO = 2_000_000, 1e-3  # random numbers for a joint p-value, and the difference that they allow
TIME, PARAMS, MACS = "total_seconds", "params", "macs"
USE = {"latency_seconds": 1, "image_seconds": 64}  # the images of a batch
COST_NAMES = {"training time": TIME, "parameters": PARAMS, "MACs": MACS} | dict(
    zip(("latency", "throughput"), USE, strict=True)
)
TIMING_ERROR = 1.05


@dataclass
class Checked:
    """The numbers compared so far, by table, and those that differ."""

    counts: dict = field(default_factory=lambda: defaultdict(int))
    differing: list = field(default_factory=list)

    def row(self, table, row, expected, tolerance=EXACT):
        """Compare values by column with a row of a table; NaN and None are an empty cell."""
        for column, value in expected.items():
            if column in row.index:
                self.counts[table] += 1
                if not is_same(value, row[column], tolerance):
                    label = " ".join(str(one) for one in row.iloc[:4])
                    self.differing.append(f"{table} [{label}] {column}: {row[column]!r}, recomputed {value!r}")


def is_same(value, other, tolerance):
    """Return whether two cells are equal: words exactly, numbers to seven digits or within the tolerance."""
    empty = [one is None or (isinstance(one, float) and math.isnan(one)) for one in (value, other)]
    if any(empty):
        return all(empty)
    if isinstance(value, str | bool | np.bool_):
        return str(value) == str(other)
    if tolerance == EXACT:
        return math.isclose(float(value), float(other), rel_tol=EXACT, abs_tol=1e-11)
    return abs(float(value) - float(other)) <= tolerance


# Raw files


def load_runs(results):
    """Return the raw runs of a results folder by the first 12 digits of their case's identity."""
    found = {}
    for path in sorted(Path(results).glob("*/result.json")):
        raw = json.loads(path.read_text())
        raw["outcome"] = None
        if (path.parent / "predictions.npz").is_file():
            with np.load(path.parent / "predictions.npz") as stored:
                raw["outcome"] = stored["labels"], stored["predictions"]
        lines = path.parent / "epochs.jsonl"
        records = [json.loads(line) for line in lines.read_text().splitlines()] if lines.is_file() else []
        raw["curve"] = [one["evaluation_accuracy_percent"] for one in records]
        raw["final_loss"] = records[-1]["train_loss"] if records else None
        raw |= scores(raw) | times(raw, [one["epoch_seconds"] for one in records]) | times_of_use(raw)
        found[path.parent.name.rsplit("-", 1)[1]] = raw
    return found


def scores(raw):
    """Return accuracy, macro-F1 and recalls computed from predictions; those recorded if there are none."""
    names = [one["class_name"] for one in raw["per_class"]]
    if raw["outcome"] is None or raw["status"] != "complete":
        return {"recalls": {one["class_name"]: one["recall_percent"] for one in raw["per_class"]}}
    labels, predicted = raw["outcome"]
    hits = np.array([np.sum((labels == k) & (predicted == k)) for k in range(len(names))])
    totals = np.array([np.sum(labels == k) + np.sum(predicted == k) for k in range(len(names))])
    f1 = np.where(totals > 0, 2 * hits / np.maximum(totals, 1), 0.0)
    recalls = 100 * hits / np.maximum([np.sum(labels == k) for k in range(len(names))], 1)
    return {
        "accuracy_percent": 100 * float(np.mean(labels == predicted)),
        "macro_f1_percent": 100 * float(np.mean(f1)),
        "recalls": dict(zip(names, recalls, strict=True)),
    }


def times(raw, seconds):
    """Return the times of the epochs; none if two of the environments trained in give different times."""
    starts = [one["first_epoch"] for one in raw["attempts"]] + [raw["epochs"] + 1]
    trained = [
        conditions(one["environment"], raw["case"])
        for one, start, end in zip(raw["attempts"], starts, starts[1:], strict=False)
        if end > start
    ] or [conditions(raw["environment"], raw["case"])]
    raw["timed_on"] = trained
    if len(set(trained)) > 1 or not seconds or not sum(seconds):
        return {"epoch_seconds": None, "total_seconds": None}
    return {"epoch_seconds": sum(seconds) / len(seconds), "total_seconds": sum(seconds)}


def times_of_use(raw):
    """Return the undisturbed seconds of an image, alone and in a batch, with the most threads."""
    found = {}
    for name, batch in USE.items():
        known = [one for one in raw.get("inference") or () if one["batch"] == batch]
        best = max(known, key=lambda one: one["threads"], default=None)
        found[name] = best["median_seconds"] / batch if best and not best["is_disturbed"] else None
    return found


def conditions(environment, case):
    """Return what times depend on: parts of the environment, and whether the case's network was compiled."""
    switched_off = tuple(sorted(environment.get("switched_off") or {}))
    is_gpu, versions = environment.get("gpu"), environment.get("versions") or {}
    return (
        is_gpu or environment.get("cpu"), environment.get("threads") if not is_gpu else None,
        environment.get("processes", 1), environment.get("machines", 1), environment.get("sharded"),
        versions.get("torch"), bool(environment.get("co_scheduled")),
        bool(case.get("compiled")) and "compile" not in switched_off, switched_off,
    )  # fmt: skip


class Study:
    """The raw runs of one study by model and seed, without incomplete and superseded ones."""

    def __init__(self, raws):
        self.runs, self.test_images = defaultdict(dict), raws[0]["test_images"]
        for raw in sorted(raws, key=lambda one: one["finished_at"]):
            if raw["status"] == "complete":
                self.runs[raw["model"]][raw["seed"]] = raw
        timed = [raw for of_model in self.runs.values() for raw in of_model.values() if raw["total_seconds"]]
        self.has_times = len({one for raw in timed for one in raw["timed_on"]}) <= 1

    def values(self, model, measure):
        if measure in (TIME, "epoch_seconds", "marginal_gain") and not self.has_times:
            return {}
        if measure in USE and not self.has_use(measure):
            return {}
        if measure == "marginal_gain":
            totals = self.values(model, TIME)
            return {seed: self.runs[model][seed]["accuracy_percent"] / total for seed, total in totals.items()}
        found = {seed: raw[measure] for seed, raw in sorted(self.runs[model].items())}
        return {seed: value for seed, value in found.items() if value is not None}

    def has_use(self, measure):
        """Return whether every run has the time of use, all under the same conditions."""
        raws = [raw for of_model in self.runs.values() for raw in of_model.values()]
        return (
            all(raw[measure] for raw in raws)
            and len({conditions(one["environment"], one["case"]) for one in raws}) == 1
        )

    def mean(self, model, measure):
        values = list(self.values(model, measure).values())
        return float(np.mean(values)) if values else None

    def without(self, models):
        other = object.__new__(Study)
        other.__dict__ |= self.__dict__ | {"runs": {m: runs for m, runs in self.runs.items() if m not in models}}
        return other


# Statistics


def mean_with_ends(values, confidence=0.95):
    """Return the mean with the ends of its t interval; None for one value or equal values."""
    mean, n = float(np.mean(values)), len(values)
    if n == 1 or np.ptp(values) <= 1e-9 * np.max(np.abs(values)):
        return mean, None, None
    low, high = stats.t.interval(confidence, n - 1, loc=mean, scale=stats.sem(values))
    return mean, float(low), float(high)


def holm(p_values):
    known = [one for one in p_values if one is not None]
    corrected = iter(multipletests(known, method="holm")[1]) if known else iter(())
    return [None if one is None else float(next(corrected)) for one in p_values]


def size_of(model):
    depth, width = re.fullmatch(r"\w*?resnet(\d+)(?:-([\d.]+))?", model).groups()
    return int(depth), float(width or 1)


def axes_of(models):
    """Return the base model, and the models that differ from it in depth alone and in width alone, in order."""
    best = None
    for base in models:
        depth, width = size_of(base)
        deeper = sorted((m for m in models if size_of(m)[1] == width and size_of(m)[0] > depth), key=size_of)
        wider = sorted((m for m in models if size_of(m)[0] == depth and size_of(m)[1] > width), key=size_of)
        place = (not (deeper and wider), -len(deeper) - len(wider), depth, width)
        if (deeper or wider) and (best is None or place < best[0]):
            best = place, base, deeper, wider
    return best[1:] if best else None


def counterparts_of(axes):
    """Return (wider, deeper) pairs of less than half a doubling apart in scale, the nearest first taken."""
    base, deeper, wider = axes
    gaps = sorted(
        (abs(math.log2(size_of(w)[1] / size_of(base)[1] / (size_of(d)[0] / size_of(base)[0]))), w, d)
        for w in wider
        for d in deeper
    )
    pairs = []
    for gap, wide, deep in gaps:
        if gap < 0.5 and all(wide != w and deep != d for w, d in pairs):
            pairs.append((wide, deep))
    return sorted(pairs, key=lambda pair: size_of(pair[0]))


def untrained(study):
    """Return the models on an axis that still gain 0.1 pp an epoch, or whose loss is near that of guessing."""
    axes, found = axes_of(study.runs), set()
    for model in () if axes is None else {axes[0], *axes[1], *axes[2]}:
        raws = [raw for raw in study.runs[model].values() if raw["curve"]]
        if not raws:
            continue
        length = min(len(raw["curve"]) for raw in raws)
        mean = np.mean([raw["curve"][-length:] for raw in raws], axis=0)
        last = mean[-max(3, math.ceil(0.1 * length)) :]
        slope = stats.linregress(range(len(last)), last).slope if len(last) > 1 else 0.0
        is_rising = slope > 0.1 and slope * (len(last) - 1) >= 200 / study.test_images
        near_chance = 0.9 * math.log(len(raws[0]["per_class"]))
        if is_rising or np.mean([raw["final_loss"] for raw in raws]) >= near_chance:
            found.add(model)
    return found


class Fit:
    """Accuracy by model and seed, by the pseudoinverse of the design matrix."""

    def __init__(self, study):
        self.values = {model: study.values(model, "accuracy_percent") for model in study.runs}
        self.models = list(self.values)
        rows = [(m, s, y) for m, of_model in self.values.items() for s, y in of_model.items()]
        seeds = sorted({s for _, s, _ in rows})
        design = np.array([[m == one for one in self.models] + [s == one for one in seeds] for m, s, _ in rows], float)
        rank = np.linalg.matrix_rank(design)
        if rank < len(self.models) + len(seeds) - 1:  # some models share no seed with the others
            design, seeds = design[:, : len(self.models)], []
            rank = len(self.models)
        y = np.array([value for *_, value in rows])
        self.solution, self.covariance = np.linalg.pinv(design) @ y, np.linalg.pinv(design.T @ design)
        self.seeds, self.df = seeds, len(y) - rank
        squares = float(np.sum((y - design @ self.solution) ** 2))
        self.is_testable = len(self.models) > 1 and self.df > 0 and squares > 1e-12
        self.sigma = math.sqrt(squares / self.df) if self.df else 0.0
        self.rounding = 100 / study.test_images / math.sqrt(12)
        self.is_pooled = self._is_pooled()

    def _is_pooled(self):
        groups = [list(one.values()) for one in self.values.values() if len(one) > 1]
        if not self.is_testable or len(groups) < 2:
            return True
        spreads = [max(np.std(one, ddof=1), self.rounding) for one in groups]
        if max(spreads) <= 3 * min(spreads):
            return True
        samples = []  # of the same size and standard deviation, which may not be below that of rounding
        for one, spread in zip(groups, spreads, strict=True):
            line = np.arange(len(one), dtype=float)
            samples.append(line * spread / np.std(line, ddof=1))
        return bool(stats.bartlett(*samples).pvalue >= ALPHA)

    def mean(self, model):
        if not self.is_pooled:
            return float(np.mean(list(self.values[model].values())))
        of_seeds = self.solution[len(self.models) :]
        return float(self.solution[self.models.index(model)] + (of_seeds.mean() if len(of_seeds) else 0.0))

    def contrast(self, weights):
        """Return estimate, standard error and degrees of freedom of a weighted sum of models; None if untested."""
        counts = [len(self.values[m]) for m, weight in weights.items() if weight]
        if not self.is_testable or (max(counts) if self.is_pooled else min(counts)) < 2:
            return None
        estimate = sum(weight * self.mean(model) for model, weight in weights.items())
        if not self.is_pooled:
            return estimate, *self._welch(weights)
        vector = self.vector(weights)
        pooled = self.sigma * math.sqrt(vector @ self.covariance @ vector)
        used = [model for model, weight in weights.items() if weight]
        least = self.rounding * math.sqrt(sum(weights[m] ** 2 / len(self.values[m]) for m in used))
        if len(used) > 2 and min(counts) > 1:
            least = max(least, self._welch(weights)[0])
        shared = sorted(set.intersection(*(set(self.values[m]) for m in used)))
        own = [sum(weights[m] * self.values[m][seed] for m in used) for seed in shared]
        return estimate, max(pooled, least, stats.sem(own) if len(own) > 1 else 0.0), float(self.df)

    def vector(self, weights):
        return np.array([weights.get(model, 0.0) for model in self.models] + [0.0] * len(self.seeds))

    def _welch(self, weights):
        parts = {
            m: weight**2 * max(np.std(list(self.values[m].values()), ddof=1), self.rounding) ** 2 / len(self.values[m])
            for m, weight in weights.items()
            if weight
        }
        total = sum(parts.values())
        df = total**2 / sum(part**2 / (len(self.values[m]) - 1) for m, part in parts.items())
        return math.sqrt(total), df

    def correlation(self, several):
        rows = np.array([self.vector(one) for one in several])
        covariance = self.covariance
        if not self.is_pooled:
            variances = [
                max(np.std(list(one.values()), ddof=1), self.rounding) ** 2 / len(one) if len(one) > 1 else 0.0
                for one in self.values.values()
            ]
            covariance = np.diag(variances + [0.0] * len(self.seeds))
        found = rows @ covariance @ rows.T
        return found / np.sqrt(np.outer(np.diag(found), np.diag(found)))


def p_alone(contrast):
    if contrast is None:
        return None
    estimate, error, df = contrast
    return float(2 * stats.t.sf(abs(estimate) / error, df))


def largest_t(correlation, df):
    """Return random sizes of the largest of correlated t statistics, in ascending order."""
    generator, k = np.random.default_rng(0), len(correlation)
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    normal = generator.standard_normal((DRAWS, k)) @ root.T
    return np.sort(np.abs(normal).max(axis=1) / np.sqrt(generator.chisquare(df, DRAWS) / df))


def new_images_error(study, weights):
    """Return the standard error of a contrast for new seeds and new images, from predictions of five seeds or more."""
    seeds = sorted(set.intersection(*(set(study.runs[m]) for m in weights)))
    right = [[np.equal(*study.runs[m][seed]["outcome"]) for m in weights] for seed in seeds]
    by_seed = 100 * np.array([np.tensordot(list(weights.values()), np.array(one, float), 1) for one in right])
    n, images = by_seed.shape
    between = np.var(by_seed.mean(axis=1), ddof=1) / n
    flips = np.mean(np.var(by_seed, axis=0, ddof=1))
    return math.sqrt(between + max(0.0, np.var(by_seed.mean(axis=0), ddof=1) / images - flips / (n * images)))


# Tables


def check_report(results, tables, checked=None):
    """Compare every CSV table of a report's studies with numbers recomputed from its results folder."""
    checked, raws = checked or Checked(), load_runs(results)
    seen = set()
    for path in sorted(Path(tables).glob("*.csv")):
        frame = pd.read_csv(path, dtype={"case": str, "seed": "Int64"})
        if {"case", "status", "seed"} <= set(frame.columns):
            cases = list(frame["case"])
            seen.update(cases)
            check_runs(checked, path.stem, frame, raws)
            complete = [raws[case] for case in cases if raws[case]["mode"] != "quick"]
            if any(raw["status"] == "complete" for raw in complete):
                check_study(checked, path.with_suffix(""), Study(complete))
    if missing := set(raws) - seen:
        checked.differing.append(f"runs in no table: {sorted(missing)}")
    return checked


def check_runs(checked, name, frame, raws):
    for _, row in frame.iterrows():
        raw = raws[row["case"]]
        expected = {key: raw[key] for key in ("params", "macs", "epoch_seconds", "total_seconds")}
        if raw["status"] == "complete":
            expected |= {key: raw[key] for key in ("accuracy_percent", "macro_f1_percent")}
            gain = raw["accuracy_percent"] / raw["total_seconds"] if raw["total_seconds"] else None
            expected["marginal_gain"] = gain
        checked.row(name, row, expected)


def check_study(checked, stem, study):
    frames = {}
    for suffix in ("accuracy", "f1", "gain", "classes", "pareto", "differences", "thresholds", "true-gain",
                   "equal-cost", "verdicts"):  # fmt: skip
        path = stem.with_name(f"{stem.name}-{suffix}.csv")
        if path.is_file():
            frames[suffix] = pd.read_csv(path, dtype={"class": str})
    for suffix, measures in (
        ("accuracy", ("accuracy_percent", "epoch_seconds", TIME)),
        ("f1", ("accuracy_percent", "macro_f1_percent")),
        ("gain", ("marginal_gain",)),
    ):
        for _, row in frames.get(suffix, pd.DataFrame()).iterrows():
            check_means(checked, f"{stem.name}-{suffix}", row, study, measures)
    Axis(checked, stem.name, study, frames).check()


def ends(name, three):
    return dict(zip((name, f"{name}_low", f"{name}_high"), three, strict=True))


def check_means(checked, name, row, study, measures):
    expected = {"seeds": len(study.runs[row["model"]])}
    for measure in measures:
        values = list(study.values(row["model"], measure).values())
        expected |= ends(measure, mean_with_ends(values) if values else (None, None, None))
    if "over_published_points" in row.index and not pd.isna(row["published_accuracy_percent"]):
        expected["over_published_points"] = expected["accuracy_percent"] - row["published_accuracy_percent"]
    checked.row(name, row, expected)


class Axis:
    """The tables of one study that compare models."""

    def __init__(self, checked, name, study, frames):
        self.checked, self.name, self.whole, self.frames = checked, name, study, frames
        self.study = study.without(untrained(study))
        self.axes = axes_of(self.study.runs)
        self.fit = Fit(self.study)
        self.pairs = self._pairs()

    def check(self):
        for suffix in ("differences", "thresholds", "true-gain"):
            for row in self._rows(suffix):
                self.checked.row(f"{self.name}-{suffix}", row, self.difference(row["model"], row["other"]))
        models = len(self.study.runs)
        if len(self._rows("differences")) not in (models * (models - 1) // 2, 0):
            self.checked.differing.append(f"{self.name}-differences: {len(self._rows('differences'))} rows")
        for row in self._rows("differences"):
            self._check_note(row)
        self._check_true_gain()
        self._check_thresholds()
        self._check_pareto()
        self._check_verdicts()
        self._check_classes()

    def _rows(self, suffix):
        return [row for _, row in self.frames.get(suffix, pd.DataFrame()).iterrows()]

    def _pairs(self):
        """Return (p alone, p corrected, estimate, error, df, family, family's size) by ordered pair of models."""
        main = counterparts_of(self.axes) if self.axes else []
        listed = [(row["model"], row["other"]) for row in self._rows("differences")]
        other = [pair for pair in listed if pair not in main]
        found = {}
        for family, pairs in (("counterparts", main), ("exploratory", other)):
            contrasts = [self.fit.contrast({one: 1.0, two: -1.0}) for one, two in pairs]
            alone = [p_alone(one) for one in contrasts]
            size = max(1, sum(one is not None for one in alone))
            for pair, contrast, p, corrected in zip(pairs, contrasts, alone, holm(alone), strict=True):
                found[pair] = p, corrected, contrast, family, size
        return found

    def difference(self, model, other):
        seeds = self.study.runs[model].keys() & self.study.runs[other].keys()
        sign = 1 if (model, other) in self.pairs else -1
        p, corrected, contrast, family, size = self.pairs[(model, other)[::sign]]
        means = self.fit.mean(model), self.fit.mean(other)
        three = means[0] - means[1], None, None
        if contrast is not None:
            estimate, error, df = contrast
            half = stats.t.ppf(1 - ALPHA / size / 2, df) * error
            three = sign * estimate, sign * estimate - half, sign * estimate + half
        return ends("difference_points", three) | {
            "seeds": len(seeds),
            "relative_percent": 100 * three[0] / means[1],
            "p_value": p,
            "p_holm": corrected,
            "family": family,
            "is_significant": corrected is not None and bool(corrected < ALPHA),
        }

    def is_above(self, model, other):
        found = self.difference(model, other)
        return found["is_significant"] and found["difference_points"] > 0

    def _check_note(self, row):
        """Compare the p-value of McNemar's exact test, as printed, of models with one common seed."""
        shared = self.study.runs[row["model"]].keys() & self.study.runs[row["other"]].keys()
        if len(shared) != 1 or "McNemar" not in str(row["note"]):
            return
        (seed,) = shared
        right = [np.equal(*self.study.runs[row[key]][seed]["outcome"]) for key in ("model", "other")]
        first, second = int(np.sum(right[0] & ~right[1])), int(np.sum(right[1] & ~right[0]))
        p = stats.binomtest(first, first + second).pvalue if first + second else 1.0
        text = "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".")
        note = re.search(r"p [<=] [\d.]+", row["note"])[0]
        self.checked.row(f"{self.name}-differences", pd.Series({"note": note}), {"note": text if p < 0.9995 else note})

    def _check_true_gain(self):
        units = {TIME: ("points_per_minute", 60), PARAMS: ("points_per_million_params", 1e6),
                 MACS: ("points_per_100_million_macs", 1e8),
                 "latency_seconds": ("points_per_latency_millisecond", 1e-3),
                 "image_seconds": ("points_per_image_millisecond", 1e-3)}  # fmt: skip
        for row in self._rows("true-gain"):
            for measure, (name, unit) in units.items():
                if measure in USE and name not in row:  # a study without times of use
                    continue
                values = self._quotients(row["model"], row["other"], measure)
                three = mean_with_ends([unit * one for one in values]) if values else (None, None, None)
                self.checked.row(f"{self.name}-true-gain", row, ends(name, three))

    def _quotients(self, model, other, measure):
        gained, spent = (
            [self.study.values(one, what) for one in (model, other)] for what in ("accuracy_percent", measure)
        )
        seeds = sorted(set.intersection(*(set(one) for one in (*gained, *spent))))
        costs = [spent[0][seed] - spent[1][seed] for seed in seeds]
        if not seeds or min(costs) <= 0:
            return []
        return [(gained[0][seed] - gained[1][seed]) / cost for seed, cost in zip(seeds, costs, strict=True)]

    def _check_thresholds(self):
        for axis, group in itertools.groupby(self._rows("thresholds"), key=lambda row: row["axis"]):
            rows = list(group)
            models = [self.axes[0], *(self.axes[1] if axis == "depth" else self.axes[2])]
            above = {m: [one for one in models[k + 1 :] if self.is_above(one, m)] for k, m in enumerate(models)}
            at = next((m for m in models[:-1] if not above[m]), models[-1]) if self.fit.is_testable else None
            for row in rows:
                expected = {"better": ", ".join(above[row["other"]]) or None, "is_threshold": row["other"] == at}
                self.checked.row(f"{self.name}-thresholds", row, expected)

    def _check_pareto(self):
        rows = self._rows("pareto")
        for cost_name, group in itertools.groupby(rows, key=lambda row: row["cost"]):
            measure, front, before = COST_NAMES[cost_name], None, None
            for place, row in enumerate(group):
                model = row["model"]
                expected = self._pareto(model, measure)
                if expected["is_on_front"]:
                    before, front = front, model
                    expected["is_worth_its_cost"] = before is not None and self.is_above(front, before)
                if place == 0 or not self.fit.is_testable:
                    expected["is_worth_its_cost"] = None
                self.checked.row(f"{self.name}-pareto", row, expected)

    def _pareto(self, model, measure):
        means = {m: (self.whole.mean(m, measure), self.whole.mean(m, "accuracy_percent")) for m in self.whole.runs}
        means = {m: both for m, both in means.items() if both[0] is not None}
        cost, accuracy = means[model]
        better = [m for m, (c, a) in means.items() if c <= cost and a >= accuracy and (c, a) != (cost, accuracy)]
        seeds = [s for s in self.whole.values(model, "accuracy_percent") if s in self.whole.values(model, measure)]
        return {
            "cost_value": cost,
            "accuracy_percent": accuracy,
            "is_on_front": not better,
            "beaten_by": max(better, key=lambda m: (means[m][1], -means[m][0]), default=None),
            "seeds": len(seeds),
            "seeds_on_front": sum(self._is_on_front_of_seed(model, measure, seed) for seed in seeds),
            "is_worth_its_cost": False,
        }

    def _is_on_front_of_seed(self, model, measure, seed):
        points = {}
        for m in self.whole.runs:
            cost, accuracy = (self.whole.values(m, one).get(seed) for one in (measure, "accuracy_percent"))
            if cost is not None and accuracy is not None:
                points[m] = cost, accuracy
        cost, accuracy = points[model]
        return not any(c <= cost and a >= accuracy and (c, a) != (cost, accuracy) for c, a in points.values())

    # Budgets

    def point(self, model, measure):
        """Return (cost, wide weights, deep weights, the two models around the cost), or None out of reach."""
        base, deeper, wider = self.axes
        is_wide = model in wider
        costs = {m: self.study.mean(m, measure) for m in (base, *(deeper if is_wide else wider))}
        own = cost = self.study.mean(model, measure)
        known = sorted((m for m in costs if costs[m] is not None), key=lambda m: costs[m])
        if measure in USE and known and cost is not None:
            nearest = min(max(cost, costs[known[0]]), costs[known[-1]])
            cost = nearest if max(cost / nearest, nearest / cost) <= TIMING_ERROR else cost
        for cheap, dear in itertools.pairwise(known):
            if cost is not None and costs[cheap] <= cost <= costs[dear] and costs[cheap] < costs[dear]:
                share = (math.log(cost) - math.log(costs[cheap])) / (math.log(costs[dear]) - math.log(costs[cheap]))
                mixed = {m: weight for m, weight in ((cheap, 1 - share), (dear, share)) if weight}
                wide, deep = ({model: 1.0}, mixed) if is_wide else (mixed, {model: 1.0})
                return own, wide, deep, (cheap, dear)
        return None

    def _check_verdicts(self):
        if not self.axes:
            return
        points = {
            (name, model): point
            for name, measure in COST_NAMES.items()
            for model in (*self.axes[2], *self.axes[1])
            if (point := self.point(model, measure)) is not None
        }
        dear = {
            name: max((key for key in points if key[0] == name), key=lambda key: points[key][0])
            for name in COST_NAMES
            if any(key[0] == name for key in points)
        }
        budgets = {COST_NAMES[name]: points[key][:3] for name, key in dear.items()}
        pairs = counterparts_of(self.axes)
        if pairs:
            wide, deep = pairs[-1]
            budgets["scale_factor"] = size_of(wide)[1] / size_of(self.axes[0])[1], {wide: 1.0}, {deep: 1.0}
        rows = {row["budget"]: row for row in self._rows("verdicts")}
        if set(rows) != set(budgets):
            self.checked.differing.append(f"{self.name}-verdicts: {sorted(rows)}, recomputed {sorted(budgets)}")
            return
        tests = self._joint_tests(budgets, rows)
        for budget, point in budgets.items():
            self._check_budget(rows[budget], point, tests.get(budget))
        self._check_equal_costs(points, set(dear.values()), rows)

    def _joint_tests(self, budgets, rows):
        """Return (contrast, p corrected, low, high) of each budget that can be tested.

        The joint critical value is taken from the reported interval: it is right if the largest of the random t
        statistics exceeds it with probability α. A quantile of the random statistics would be less exact.
        """
        weights = {name: minus(wide, deep) for name, (_, wide, deep) in budgets.items()}
        contrasts = {name: one for name in weights if (one := self.fit.contrast(weights[name])) is not None}
        if not contrasts:
            return {}
        df, found = min(one[2] for one in contrasts.values()), {}
        drawn = largest_t(self.fit.correlation([weights[name] for name in contrasts]), df)
        for name, (estimate, error, _) in contrasts.items():
            half = (rows[name]["difference_points_high"] - rows[name]["difference_points_low"]) / 2
            p, level = (1 - np.searchsorted(drawn, size) / DRAWS for size in (abs(estimate) / error, half / error))
            half = half if abs(level - ALPHA) <= MONTE_CARLO else math.nan
            found[name] = contrasts[name], float(p), estimate - half, estimate + half
        for name in found:
            _, wide, deep = budgets[name]
            if (*wide, *deep) in counterparts_of(self.axes):  # the primary test's numbers, at every budget
                pair = self.difference(*wide, *deep)
                low, high = pair["difference_points_low"], pair["difference_points_high"]
                found[name] = contrasts[name], pair["p_holm"], low, high
        return found

    def _check_budget(self, row, point, test):
        cost, wide, deep = point
        name = f"{self.name}-verdicts"
        accuracies = [sum(weight * self.fit.mean(m) for m, weight in side.items()) for side in (wide, deep)]
        expected = {
            "cost_value": cost,
            "wide": " and ".join(wide),
            "deep": " and ".join(deep),
            "wide_percent": accuracies[0],
            "deep_percent": accuracies[1],
            "difference_points": accuracies[0] - accuracies[1],
            "seeds": min(len(self.study.runs[m]) for m in (*wide, *deep)),
        }
        if row["budget"] == "scale_factor":
            expected["seeds"] = self.difference(*wide, *deep)["seeds"] or expected["seeds"]
        if test is None:
            is_single = min(len(self.study.runs[m]) for m in (*wide, *deep)) == 1
            expected["verdict"] = "one run each" if is_single else "no significant difference"
            self.checked.row(name, row, expected | {"p_value": None, "p_corrected": None, "take": None})
            return
        contrast, p, low, high = test
        self.checked.row(name, row, expected | {"p_value": p_alone(contrast)})
        self.checked.row(name, row, {"difference_points_low": low, "difference_points_high": high})
        self.checked.row(name, row, {"p_corrected": p}, EXACT if row["budget"] == "scale_factor" else MONTE_CARLO)
        self.checked.row(name, row, self._words(row, point, contrast, p))

    def _words(self, row, point, contrast, p):
        """Return verdict, the cheaper side that is no worse by the margin, and the model to take."""
        cost, wide, deep = point
        estimate, error, df = contrast
        margin, half = row["margin_points"], stats.t.ppf(1 - ALPHA, df) * error
        verdict = "no significant difference"
        if p < ALPHA:
            verdict = "wider" if estimate > 0 else "deeper"
        elif abs(estimate) + half < margin:
            verdict = "equal"
        is_wide_cheaper = self._is_wide_cheaper(wide, deep, row["budget"])
        is_no_worse = estimate - half > -margin if is_wide_cheaper else estimate + half < margin
        taken = {"wider": (True,), "deeper": (False,), "equal": (True, False)}.get(verdict, ())
        slack = margin if verdict == "equal" else None
        models = [
            model
            for is_wide in taken
            if (model := self._within((wide, deep) if is_wide else (deep, wide), is_wide, row["budget"], cost, slack))
        ]
        no_worse = ("wide" if is_wide_cheaper else "deep") if is_no_worse else None
        return {"verdict": verdict, "no_worse": no_worse, "take": self._cheapest(models, row["budget"])}

    def _is_wide_cheaper(self, wide, deep, budget):
        """Return whether width costs less of the first of time, MACs and parameters that is not the budget."""
        for measure in (TIME, MACS, PARAMS):
            costs = []
            for side in (wide, deep):
                means = {m: self.study.mean(m, measure) for m in side}
                if None not in means.values():
                    costs.append(math.prod(means[m] ** weight for m, weight in side.items()))
            if measure != budget and len(costs) == 2 and costs[0] != costs[1]:
                return costs[0] < costs[1]
        return False

    def _within(self, sides, is_wide, budget, cost, margin):
        """Return a side's one model, or the dearest within 1.1 times the budget if it is accurate enough.

        Args:
            sides: this side and the other one.
            margin: if given, the model must be shown to be worse than the other side by no more.
        """
        side, other = sides
        if len(side) == 1:
            return next(iter(side))
        models = [self.axes[0], *(self.axes[2] if is_wide else self.axes[1])]
        costs = {m: mean for m in models if (mean := self.study.mean(m, budget)) is not None and mean <= 1.1 * cost}
        best = max(costs, key=lambda m: costs[m], default=None)
        if not best:
            return None
        weights = {best: 1.0}
        for model, weight in other.items():
            weights[model] = weights.get(model, 0.0) - weight
        if margin is None:
            return best if sum(weight * self.fit.mean(m) for m, weight in weights.items()) >= 0 else None
        estimate, error, df = self.fit.contrast(weights) or (0.0, math.inf, 1)
        return best if estimate - stats.t.ppf(1 - ALPHA, df) * error > -margin else None

    def _cheapest(self, models, budget):
        """Return the model of least time, then MACs, then parameters; the budget itself does not count."""
        known = [m for m in (TIME, MACS, PARAMS) if m != budget and all(self.study.mean(one, m) for one in models)]
        return min(models, key=lambda one: [self.study.mean(one, m) for m in known], default=None)

    def _check_equal_costs(self, points, dear, rows):
        name, listed = f"{self.name}-equal-cost", self._rows("equal-cost")
        explored = [key for key in points if key not in dear]
        contrasts = [self.fit.contrast(minus(*points[key][1:3])) for key in explored]
        alone = [p_alone(one) for one in contrasts]
        tests = {
            key: (contrast, p, corrected)
            for key, contrast, p, corrected in zip(explored, contrasts, alone, holm(alone), strict=True)
            if contrast is not None
        }
        for row in listed:
            key = row["cost"], row["model"]
            cost, wide, deep, (cheap, dearer) = points[key]
            expected = {"cost_value": cost, "cheaper": cheap, "dearer": dearer}
            if key in dear:
                verdict = rows[COST_NAMES[row["cost"]]]
                same = (
                    "difference_points",
                    "difference_points_low",
                    "difference_points_high",
                    "p_value",
                    "p_corrected",
                )
                expected |= {column: verdict[column] for column in same} | {"family": "budget"}
            elif key in tests:
                (estimate, error, df), p, corrected = tests[key]
                half = stats.t.ppf(1 - ALPHA / len(tests) / 2, df) * error
                expected |= ends("difference_points", (estimate, estimate - half, estimate + half))
                expected |= {"p_value": p, "p_corrected": corrected, "family": "exploratory"}
            else:
                expected["difference_points"] = sum(w * self.fit.mean(m) for m, w in minus(wide, deep).items())
            self.checked.row(name, row, expected)

    # Classes

    def _check_classes(self):
        rows = self._rows("classes")
        axes = axes_of(self.whole.runs)
        if not rows or axes is None:
            return
        pairs = counterparts_of(axes)
        wider, deeper = pairs[-1] if pairs else ([None, *axes[2]][-1], [None, *axes[1]][-1])
        tests = [
            [self._class_test(row["class"], model, axes[0]) for model in (deeper, wider)] for row in rows
        ]  # fmt: skip
        corrected = iter(holm([one and one[1] for both in tests for one in both]))
        for row, both in zip(rows, tests, strict=True):
            expected = {"base_recall_percent": np.mean(list(self._recalls(axes[0], row["class"]).values()))}
            for key, test in zip(("deeper", "wider"), both, strict=True):
                expected |= ends(f"{key}_points", test[0] if test else (None, None, None))
                expected[f"{key}_p_holm"] = next(corrected)
            self.checked.row(f"{self.name}-classes", row, expected)

    def _recalls(self, model, name):
        return {seed: raw["recalls"][name] for seed, raw in self.whole.runs[model].items()}

    def _class_test(self, name, model, base):
        """Return the mean change with its interval, and the p-value of the paired t test (or of the signs)."""
        if model is None:
            return None
        ours, theirs = self._recalls(model, name), self._recalls(base, name)
        seeds = sorted(ours.keys() & theirs.keys())
        if not seeds:
            return None
        changes = np.array([ours[seed] - theirs[seed] for seed in seeds])
        size = max(abs(one) for of_model in (ours, theirs) for one in (of_model[seed] for seed in seeds))
        if len(seeds) == 1 or np.ptp(changes) <= 1e-9 * size:
            p = None if len(seeds) == 1 else 2 * 0.5 ** len(seeds) if abs(changes.mean()) > 1e-9 * size else 1.0
            return (float(changes.mean()), None, None), p
        return mean_with_ends(changes), float(stats.ttest_1samp(changes, 0).pvalue)


def minus(wide, deep):
    return {m: wide.get(m, 0.0) - deep.get(m, 0.0) for m in {**wide, **deep}}


def main(results, tables):
    checked = check_report(results, tables)
    print("\n".join(checked.differing))
    print(f"{sum(checked.counts.values())} numbers in {len(checked.counts)} tables, {len(checked.differing)} differ")
    return bool(checked.differing)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
