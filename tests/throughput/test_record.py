import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import InputError
from harness.files import with_sha256
from harness.report.tables.throughput import throughput_tables
from harness.throughput.pipelines import Round
from harness.throughput.record import FOLDER, _read, read_recorded, record
from tests.helpers.disturbances import QUIET, busy
from tests.helpers.forged_weights import SPECIAL
from tests.helpers.users import place_of_all_users, without_rights
from tests.throughput.recordings import ENVIRONMENT, MEASUREMENTS, make_comparison, make_whole_comparison


@pytest.mark.parametrize("measurement", MEASUREMENTS, ids=lambda one: type(one).__name__)
def test_a_recorded_measurement_reads_back_equal(measurement, tmp_path):
    recorded = record(tmp_path, measurement, ENVIRONMENT)
    assert read_recorded(tmp_path) == ([recorded], [])
    assert recorded.measurement == measurement
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [f"{measurement.name}-cpu.json"]


def test_each_precision_of_a_comparison_has_a_file_of_its_own(tmp_path):
    for one in (MEASUREMENTS[0], make_whole_comparison()):
        record(tmp_path, one, ENVIRONMENT)
    recorded, _ = read_recorded(tmp_path)
    assert {one.measurement for one in recorded} == {MEASUREMENTS[0], make_whole_comparison()}
    files = {path.name for path in (tmp_path / FOLDER).iterdir()}
    assert files == {"resnet20-3x32x32-cpu.json", "resnet20-3x32x32-bf16-cpu.json"}


def test_a_measurement_is_not_written_through_a_link(tmp_path):
    other, results = tmp_path / "other", tmp_path / "results"
    record(other, MEASUREMENTS[0], ENVIRONMENT)
    (path,) = (other / FOLDER).iterdir()
    path.write_text("precious")
    results.mkdir()
    (results / FOLDER).symlink_to(other / FOLDER)
    with pytest.raises(InputError, match=r"results/throughput is a link, and no results are written through it"):
        record(results, MEASUREMENTS[0], ENVIRONMENT)
    assert path.read_text() == "precious"


DISTURBED = [
    replace(
        make_comparison(fast=(1000.0,), reference=(500.0,), peak_disturbance=busy(0.8)),
        fast=(Round(1000.0, 0.1, busy(1.2)),), reference=(Round(500.0, 0.1, QUIET),),
    ),
    replace(MEASUREMENTS[1], disturbances=(QUIET, busy(0.3))),
    replace(MEASUREMENTS[2], points=tuple(replace(one, disturbance=busy(0.3)) for one in MEASUREMENTS[2].points)),
]  # fmt: skip


@pytest.mark.parametrize("measurement", DISTURBED, ids=lambda one: type(one).__name__)
def test_a_recorded_disturbance_reads_back_equal(measurement, tmp_path):
    record(tmp_path, measurement, ENVIRONMENT)
    (read,), problems = read_recorded(tmp_path)
    assert (read.measurement, problems) == (measurement, [])
    assert read.measurement.disturbed is not None


@pytest.mark.parametrize("measurement", MEASUREMENTS[:3], ids=lambda one: type(one).__name__)
def test_recordings_of_earlier_versions_count_as_undisturbed(measurement, tmp_path):
    record(tmp_path, measurement, ENVIRONMENT)
    (path,) = (tmp_path / FOLDER).iterdir()
    content = without_later_fields(json.loads(path.read_text()))
    del content["sha256"]
    path.write_text(with_sha256(content))
    (read,), problems = read_recorded(tmp_path)
    assert (read.measurement, problems, read.measurement.disturbed) == (measurement, [], None)


def without_later_fields(content):
    """Return JSON content without the keys that earlier versions lack."""
    later = ("plain", "reference_default", "fp32", "switched_off")
    if isinstance(content, dict):
        kept = {key: value for key, value in content.items() if "disturbance" not in key and key not in later}
        return {key: without_later_fields(value) for key, value in kept.items()}
    return list(map(without_later_fields, content)) if isinstance(content, list) else content


def test_measuring_again_replaces_only_the_same_measurement(tmp_path):
    first, again = (make_comparison(fast=(speed, speed), reference=(500.0, 500.0)) for speed in (1000.0, 1100.0))
    record(tmp_path, first, ENVIRONMENT)
    record(tmp_path, again, ENVIRONMENT)
    record(tmp_path, MEASUREMENTS[1], ENVIRONMENT)
    recorded, _ = read_recorded(tmp_path)
    assert {one.measurement for one in recorded} == {again, MEASUREMENTS[1]}


def test_files_are_named_by_kind_of_device(tmp_path):
    record(tmp_path, MEASUREMENTS[2], ENVIRONMENT | {"device": "cuda:1"})
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["scaling-width-cuda.json"]


def test_a_folder_without_recordings_reads_as_empty(tmp_path):
    assert read_recorded(tmp_path / "nowhere") == ([], [])


def test_an_unknown_kind_is_an_error_that_names_the_known_ones(tmp_path):
    record(tmp_path, MEASUREMENTS[0], ENVIRONMENT)
    (path,) = (tmp_path / FOLDER).iterdir()
    content = json.loads(path.read_text()) | {"kind": "Rumour"}
    del content["sha256"]
    path.write_text(with_sha256(content))
    _, (problem,) = read_recorded(tmp_path)
    kinds = "PipelineComparison, AugmentationComparison, Scaling, Equivalence, GradientNorms"
    assert problem.endswith(f"unknown kind 'Rumour'; the kinds are {kinds}")


NOTHING = {"images_per_second": 0.0, "load_share": 0.0}


def measured(content, **changes):
    return content | {"measurement": content["measurement"] | changes}


def in_round(content, **changes):
    first, *others = content["measurement"]["fast"]
    return measured(content, fast=[first | changes, *others])


DAMAGES = {
    "no JSON": lambda content: "{",
    "no object": lambda content: "[]",
    "nested": lambda content: "[" * 100_000,
    "not sealed": lambda content: json.dumps(content),
    "an infinite number": lambda content: json.dumps(measured(content, compile_seconds=float("inf"))),
    "another schema": lambda content: content | {"schema_version": 99},
    "an unknown kind": lambda content: content | {"kind": "Rumour"},
    "a field too few": lambda content: content | {"measurement": {"model": "resnet20"}},
    "no environment": lambda content: content | {"environment": {}},
    "a round of nothing": lambda content: measured(content, reference=[NOTHING, NOTHING]),
    "plain rounds that do not pair": lambda content: measured(content, plain=content["measurement"]["fast"][:1]),
    "rounds that do not pair": lambda content: measured(content, reference=[]),
    "no date": lambda content: content | {"measured_at": "yesterday or so"},
    "MACs of 400 digits": lambda content: measured(content, macs=10**400),
    "MACs of 19 digits": lambda content: measured(content, macs=10**18 + 1),
    "negative MACs": lambda content: measured(content, macs=-1),
    "a peak of 1e308": lambda content: measured(content, peak_flops_per_second=1e308),
    "a peak of 5e-324": lambda content: measured(content, peak_flops_per_second=5e-324),
    "a speed of 1e308": lambda content: in_round(content, images_per_second=1e308),
    "a speed of 5e-324": lambda content: in_round(content, images_per_second=5e-324),
    "a negative share": lambda content: in_round(content, load_share=-0.5),
    "a share of 400 digits": lambda content: in_round(content, load_share=10**400),
    "a long name": lambda content: measured(content, model="resnet20" * 10_000),
    "a long processor": lambda content: content | {"environment": content["environment"] | {"cpu": "x" * 10**6}},
    "threads of 400 digits": lambda content: content | {"environment": content["environment"] | {"threads": 10**400}},
    "versions a list": lambda content: content | {"environment": content["environment"] | {"versions": ["2.15"]}},
}


def write_damaged(path, damage):
    """Damage a recording; seal it again if it is still an object."""
    content = json.loads(path.read_text())
    del content["sha256"]
    damaged = DAMAGES[damage](content)
    path.write_text(damaged if isinstance(damaged, str) else with_sha256(damaged))


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_invalid_file_is_named_and_left_out(damage, tmp_path):
    record(tmp_path, MEASUREMENTS[0], ENVIRONMENT)
    record(tmp_path, MEASUREMENTS[1], ENVIRONMENT)
    path = tmp_path / FOLDER / f"{MEASUREMENTS[0].name}-cpu.json"
    write_damaged(path, damage)
    recorded, problems = read_recorded(tmp_path)
    assert [one.measurement for one in recorded] == [MEASUREMENTS[1]]
    assert len(problems) == 1
    assert problems[0].startswith(f"{path} is not a throughput measurement of this harness: ")
    assert len(problems[0].splitlines()) == 1


@pytest.mark.parametrize("kind", SPECIAL)
def test_special_file_among_recordings_is_named_and_left_out(kind, tmp_path):
    recorded = record(tmp_path, MEASUREMENTS[0], ENVIRONMENT)
    path = tmp_path / FOLDER / "x.json"
    SPECIAL[kind](path)
    found, problems = read_recorded(tmp_path)
    assert found == [recorded]
    assert [line.partition(" is not a throughput measurement of this harness: ")[0] for line in problems] == [str(path)]


def test_recordings_that_cannot_be_listed_are_named():
    with place_of_all_users() as place:
        record(place, MEASUREMENTS[0], ENVIRONMENT)
        with without_rights(place / FOLDER):
            assert read_recorded(place) == ([], [f"{place / FOLDER} cannot be read: Permission denied"])
        (place / "other").mkdir()
        (place / "other" / FOLDER).write_text("a file")
        assert read_recorded(place / "other") == ([], [f"{place / 'other' / FOLDER} cannot be read: Not a directory"])


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.sampled_from([*MEASUREMENTS, *DISTURBED, make_whole_comparison()]), st.data())
@settings(max_examples=200)
def test_any_field_value_gives_a_measurement_or_an_input_error(tmp_path_factory, measurement, data):
    folder = tmp_path_factory.mktemp("results")
    record(folder, measurement, ENVIRONMENT)
    (path,) = (folder / FOLDER).iterdir()
    content = json.loads(path.read_text())
    place = data.draw(st.sampled_from([content, content["measurement"], content["environment"]]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(JSON)
    path.write_text(json.dumps(content))
    try:
        read = _read(path)
    except InputError as error:
        assert str(path) in str(error)
    else:
        assert throughput_tables([read])
