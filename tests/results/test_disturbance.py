import json
from dataclasses import asdict, fields

import pytest

from harness.results.disturbance import Disturbance, causes_of
from harness.results.reading import read_epoch_records, validated
from harness.results.result import EpochRecord, Result
from tests.helpers.disturbances import busy, disturbance
from tests.helpers.synthetic import synthetic_result
from tests.results.records import RECORD

ONE_CORE = ("other processes used 0.5 cores",)
EIGHT = {"threads": 8, "cores": 8, "cpu_seconds": 7.9}


@pytest.mark.parametrize(
    ("changes", "causes"),
    [
        ({}, ()),
        ({"waiting_seconds": 0.3}, ()),  # its own threads kept each other waiting
        ({"other_cpu_seconds": 0.5}, ()),  # a neighbour on a core that was free
        ({"other_cpu_seconds": 0.5, "waiting_seconds": 0.5}, ONE_CORE),
        ({"other_cpu_seconds": 0.02, "waiting_seconds": 0.9}, ()),
        (EIGHT | {"cpu_seconds": 7.4, "other_cpu_seconds": 0.5, "waiting_seconds": 0.5}, ONE_CORE),
        ({"steal_seconds": 0.2, "cpu_seconds": 0.8}, ("other virtual machines took 20% of the CPU time",)),
        (EIGHT | {"steal_seconds": 0.08}, ()),  # a hundredth of each core
        ({"steal_seconds": 0.01, "cpu_seconds": 0.01}, ()),  # half of next to nothing
        ({"gpu_processes": 1}, ("1 other process on the GPU",)),
        ({"gpu_processes": 2, "gpu_throttled": True}, ("2 other processes on the GPU", "the GPU was throttled")),
        ({"stopped_seconds": 0.9, "cpu_seconds": 0.1}, ("the process was stopped for 0.9s",)),
        ({"stopped_seconds": 0.04}, ()),
        ({"slept_seconds": 7620.0}, ("the machine slept for 2h07m",)),
        ({"wall_seconds": 600.0, "slept_seconds": 20.0}, ()),
        ({"gpu_processes": 0, "gpu_throttled": False, "gpu_clock_share": 0.3}, ()),
    ],
)
def test_only_work_of_others_that_took_time_is_a_cause(changes, causes):
    found = disturbance(**changes)
    assert (found.causes, found.is_disturbed) == (causes, bool(causes))


@pytest.mark.parametrize(
    ("changes", "is_disturbed"),
    [
        ({"cpu_seconds": 0.5, "other_cpu_seconds": 0.5}, True),
        ({"cpu_seconds": 4.0, "other_cpu_seconds": 2.0, "threads": 4, "cores": 8}, False),  # two cores were free
        ({"cpu_seconds": 4.0, "other_cpu_seconds": 3.9, "threads": 4, "cores": 8}, True),
        ({"cpu_seconds": 8.0, "threads": 8, "cores": 8}, False),
        ({"pressure_seconds": 1.0, "other_cpu_seconds": 0.3, "cores": 8}, False),  # on the cores of others
    ],
)
def test_without_waiting_times_full_cores_are_the_sign(changes, is_disturbed):
    assert disturbance(**{"waiting_seconds": None} | changes).is_disturbed is is_disturbed


def test_region_without_length_is_undisturbed_unless_time_was_taken():
    assert not disturbance(wall_seconds=0.0, cpu_seconds=0.0).is_disturbed
    assert disturbance(wall_seconds=0.0, other_cpu_seconds=1.0, waiting_seconds=1.0).is_disturbed


@pytest.mark.parametrize(
    ("cores", "threads", "own", "others", "waited", "is_lengthened"),
    [
        (2, 1, 0.98, 1.0, 0.015, False),
        (2, 1, 0.6, 1.4, 0.39, True),  # 1.8 times as long
        (2, 1, 0.99, 0.56, 0.005, False),
        (2, 1, 0.94, 1.04, 0.053, True),  # 1.1 times
        (2, 2, 0.7, 1.3, 0.65, True),  # 20 times: both threads spin while one waits
        (2, 2, 1.9, 0.08, 0.4, False),  # a daemon beside loader processes that outnumber the cores
        (64, 64, 63.9, 0.2, 0.1, False),
        (64, 64, 63.4, 1.0, 0.5, True),  # a busy process on one core, at whose thread the others wait
    ],
)
def test_measured_waits_count_for_the_part_that_others_caused(cores, threads, own, others, waited, is_lengthened):
    region = {"cores": cores, "threads": threads, "cpu_seconds": own, "other_cpu_seconds": others}
    assert disturbance(**region, waiting_seconds=waited).is_disturbed is is_lengthened


@pytest.mark.parametrize(("ticks", "is_disturbed"), [(1, False), (2, False), (7, True)])
def test_single_ticks_of_the_systems_clock_disturb_no_short_region(ticks, is_disturbed):
    short = {"wall_seconds": 0.15, "cores": 2, "cpu_seconds": 0.14}
    assert disturbance(**short, other_cpu_seconds=ticks / 100, waiting_seconds=0.01).is_disturbed is is_disturbed


def test_severity_orders_disturbances_by_the_gpu_then_by_lost_time():
    regions = [
        busy(0.2),
        disturbance(stopped_seconds=0.9),
        busy(1.1),
        disturbance(gpu_throttled=True),
        disturbance(gpu_processes=1),
    ]
    severities = [one.severity for one in regions]
    assert severities == sorted(set(severities))
    assert busy(0.75).severity == disturbance(wall_seconds=2.0, other_cpu_seconds=1.0, steal_seconds=0.5).severity
    assert disturbance(wall_seconds=0.0).severity == (0, False, 0.0)


def test_causes_of_several_regions_have_the_strongest_figure_each():
    weak = disturbance(other_cpu_seconds=0.2, waiting_seconds=0.2)
    stolen = disturbance(steal_seconds=0.2, cpu_seconds=0.8)
    quiet_beside_many = disturbance(other_cpu_seconds=9.0)
    assert causes_of([weak, stolen, busy(0.5), quiet_beside_many]) == (*ONE_CORE, *stolen.causes)
    assert causes_of([]) == ()


def test_records_keep_their_disturbance(tmp_path):
    records = [RECORD, EpochRecord(**vars(RECORD) | {"epoch": 2, "disturbance": busy(0.5)})]
    file = tmp_path / "epochs.jsonl"
    file.write_text("".join(json.dumps(record.to_json()) + "\n" for record in records))
    read = read_epoch_records(file)
    assert read == records
    assert [record.is_disturbed for record in read] == [False, True]


@pytest.mark.parametrize("name", [field.name for field in fields(Disturbance)])
def test_records_with_an_impossible_disturbance_are_refused_by_name(name):
    content = RECORD.to_json() | {"disturbance": asdict(busy(0.5)) | {name: -1}}
    with pytest.raises(ValueError, match=f"disturbance.{name}"):
        validated(EpochRecord, content)


def test_records_and_results_of_earlier_versions_are_read():
    record = RECORD.to_json()
    del record["disturbance"]
    assert validated(EpochRecord, record).disturbance is None
    without_stops = asdict(busy(0.5))
    del without_stops["stopped_seconds"], without_stops["slept_seconds"]
    assert validated(EpochRecord, record | {"disturbance": without_stops}).disturbance == busy(0.5)
    result = synthetic_result("digits", "resnet8").to_json()
    del result["disturbed_epochs"], result["disturbance_causes"]
    read = validated(Result, result)
    assert (read.disturbed_epochs, read.disturbance_causes, read.undisturbed_median_seconds) == (None, (), 10.0)
