import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import InputError
from harness.throughput.augmentation import AugmentationComparison
from harness.throughput.equivalence import Equivalence
from harness.throughput.record import FOLDER, _read, read_recorded, record
from harness.throughput.scaling import Point, Scaling
from tests.helpers.tiny import CPU
from tests.throughput.test_comparison import comparison

MEASUREMENTS = [
    comparison(fast=(1000.0, 900.0), reference=(500.0, 450.0)),
    AugmentationComparison("cifar10", 3, 32, 32, 100, batched=(90.0, 20.0), per_sample=(9.0, 1.0)),
    Scaling("width", 256, "fp32", tuple(Point(x, 2.0 * x, 100 * x) for x in (1, 2, 4))),
    Equivalence("resnet20", "digits", 1437, 360, 20, "fp32", (0, 1), (99.0, 98.5), (98.75, 98.5)),
]


@pytest.mark.parametrize("measurement", MEASUREMENTS, ids=lambda one: type(one).__name__)
def test_a_measurement_is_read_back_as_it_was_recorded(measurement, tmp_path):
    recorded = record(tmp_path, measurement, CPU, "fp32")
    assert read_recorded(tmp_path) == ([recorded], [])
    assert recorded.measurement == measurement
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [f"{measurement.name}-cpu.json"]


def test_measuring_again_replaces_and_another_measurement_stands_beside(tmp_path):
    first, again = (comparison(fast=(speed, speed), reference=(500.0, 500.0)) for speed in (1000.0, 1100.0))
    record(tmp_path, first, CPU, "fp32")
    record(tmp_path, again, CPU, "fp32")
    record(tmp_path, MEASUREMENTS[1], CPU, "fp32")
    recorded, _ = read_recorded(tmp_path)
    assert {one.measurement for one in recorded} == {again, MEASUREMENTS[1]}


def test_a_folder_without_measurements_has_none(tmp_path):
    assert read_recorded(tmp_path / "nowhere") == ([], [])


NOTHING = {"images_per_second": 0.0, "load_share": 0.0}


def measured(content, **changes):
    return content | {"measurement": content["measurement"] | changes}


DAMAGES = {
    "no JSON": lambda content: "{",
    "no object": lambda content: "[]",
    "another schema": lambda content: json.dumps(content | {"schema_version": 99}),
    "an unknown kind": lambda content: json.dumps(content | {"kind": "Rumour"}),
    "a field too few": lambda content: json.dumps(content | {"measurement": {"model": "resnet20"}}),
    "no environment": lambda content: json.dumps(content | {"environment": {}}),
    "a round of nothing": lambda content: json.dumps(measured(content, reference=[NOTHING, NOTHING])),
    "rounds that do not pair": lambda content: json.dumps(measured(content, reference=[])),
    "no date": lambda content: json.dumps(content | {"measured_at": "yesterday or so"}),
    "a number that is none": lambda content: json.dumps(measured(content, compile_seconds=float("inf"))),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_is_none_is_named_and_left_out(damage, tmp_path):
    record(tmp_path, MEASUREMENTS[0], CPU, "fp32")
    record(tmp_path, MEASUREMENTS[1], CPU, "fp32")
    path = tmp_path / FOLDER / f"{MEASUREMENTS[0].name}-cpu.json"
    path.write_text(DAMAGES[damage](json.loads(path.read_text())))
    recorded, problems = read_recorded(tmp_path)
    assert [one.measurement for one in recorded] == [MEASUREMENTS[1]]
    assert len(problems) == 1
    assert problems[0].startswith(f"{path} is not a throughput measurement of this harness: ")
    assert len(problems[0].splitlines()) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.sampled_from(MEASUREMENTS), st.data())
@settings(max_examples=200)
def test_whatever_a_field_holds_it_is_a_measurement_or_an_error_of_ours(tmp_path_factory, measurement, data):
    folder = tmp_path_factory.mktemp("results")
    record(folder, measurement, CPU, "fp32")
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
        from harness.report.tables.throughput import throughput_tables

        assert throughput_tables([read])
