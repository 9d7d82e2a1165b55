import platform
import subprocess
import sys
from pathlib import Path

import cpuinfo.cpuinfo
import pytest

from harness.hardware import processor
from harness.hardware.processor import known_names, name_from, names_in_lscpu, processor_name
from tests.helpers import REPOSITORY

RECORDED = Path(__file__).parent / "cpuinfo"
PI_4 = "Raspberry Pi 4 Model B Rev 1.1\0"
LSCPU_M1 = """\
Architecture:             aarch64
CPU(s):                   8
Vendor ID:                Apple
  Model name:             Icestorm-M1
    Model:                1
  Model name:             Firestorm-M1
"""


def recorded(name):
    return (RECORDED / f"{name}.txt").read_text()


def answer_of_cpuinfo(text, monkeypatch):
    """Return py-cpuinfo's own answer for a recorded text."""
    monkeypatch.setattr(cpuinfo.cpuinfo.DataSource, "has_proc_cpuinfo", staticmethod(lambda: True))
    monkeypatch.setattr(cpuinfo.cpuinfo.DataSource, "cat_proc_cpuinfo", staticmethod(lambda: (0, text)))
    brand = cpuinfo.cpuinfo._get_cpu_info_from_proc_cpuinfo().get("brand_raw")
    return [brand] if brand else []


def forbidden():
    raise AssertionError("no tool is needed")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("epyc", "AMD EPYC 7763 64-Core Processor"),
        ("xeon", "Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz"),
    ],
)
def test_on_x86_linux_the_name_is_the_model_name_of_earlier_results(name, expected):
    assert name_from(recorded(name), forbidden, "a board") == expected


@pytest.mark.skipif(platform.machine() != "x86_64" or sys.platform != "linux", reason="only on x86 Linux")
def test_this_machine_has_the_name_that_earlier_results_have(monkeypatch):
    monkeypatch.setattr(processor, "known_names", forbidden)
    first = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    processor_name.cache_clear()
    assert processor_name() == first.partition(":")[2].strip()


@pytest.mark.parametrize(
    ("name", "board", "expected"),
    [
        ("neoverse_n1", "Amazon EC2\n",
         "CPU implementer 0x41, CPU part 0xd0c, CPU variant 0x3, CPU revision 1 (Amazon EC2)"),
        ("neoverse_v1", "Amazon EC2\n",
         "CPU implementer 0x41, CPU part 0xd40, CPU variant 0x1, CPU revision 1 (Amazon EC2)"),
        ("raspberry_pi_4", PI_4,
         "CPU implementer 0x41, CPU part 0xd08, CPU variant 0x0, CPU revision 3 (Raspberry Pi 4 Model B Rev 1.1)"),
        ("apple_m1_asahi", "", "CPU implementer 0x61, CPU part 0x022/0x023, CPU variant 0x1, CPU revision 1"),
        ("power9", "", "POWER9, altivec supported"),
        ("riscv_u74", "", "sifive,u74-mc"),
        ("riscv_c910", "", "mvendorid 0x5b7, marchid 0x0, mimpid 0x0"),
        ("ibm_z", "", "machine 8561"),
    ],
)  # fmt: skip
def test_name_from_recorded_text_by_py_cpuinfo_or_the_cores_ids(name, board, expected, monkeypatch):
    answer = answer_of_cpuinfo(recorded(name), monkeypatch)
    assert name_from(recorded(name), lambda: answer, board) == expected


@pytest.mark.parametrize(
    ("name", "cores", "board", "expected"),
    [
        ("neoverse_n1", ["Neoverse-N1"], "Amazon EC2\n", "Neoverse-N1 (Amazon EC2)"),
        ("neoverse_n1", ["Neoverse-N1"], "GIGABYTE\n", "Neoverse-N1 (GIGABYTE)"),
        ("neoverse_n1", ["Neoverse-N1"], "", "Neoverse-N1"),
        ("raspberry_pi_4_32_bit", ["Cortex-A72"], PI_4, "Cortex-A72 (Raspberry Pi 4 Model B Rev 1.1)"),
        ("apple_m1_asahi", ["Icestorm-M1", "Firestorm-M1"], "Apple MacBook Air (M1, 2020)",
         "Icestorm-M1 + Firestorm-M1 (Apple MacBook Air (M1, 2020))"),
        ("", ["Apple M1 Pro"], "", "Apple M1 Pro"),
    ],
)  # fmt: skip
def test_tools_name_the_cores_and_on_arm_the_board_follows(name, cores, board, expected):
    assert name_from(recorded(name) if name else "", lambda: cores, board) == expected


def test_different_processors_never_share_a_name(monkeypatch):
    names = set()
    texts = sorted(RECORDED.glob("*.txt"))
    for path in texts:
        answer = answer_of_cpuinfo(path.read_text(), monkeypatch)
        names.add(name_from(path.read_text(), lambda answer=answer: answer, ""))
    assert "" not in names
    assert len(names) == len(texts) - 1  # Raspberry Pi 4, with a kernel of 64 bits and one of 32, is one processor


def test_lscpu_lists_each_kind_of_core_once():
    assert names_in_lscpu(LSCPU_M1) == ["Icestorm-M1", "Firestorm-M1"]
    assert names_in_lscpu("Model name:   Neoverse-N1\nModel name:   Neoverse-N1\n") == ["Neoverse-N1"]
    assert names_in_lscpu("Model name:     -\nModel:  1\n") == []


def test_without_lscpu_py_cpuinfo_is_asked(monkeypatch):
    def absent(*_, **__):
        raise FileNotFoundError("lscpu")

    monkeypatch.setattr(processor.subprocess, "run", absent)
    monkeypatch.setattr(cpuinfo, "get_cpu_info", lambda: {"brand_raw": "Apple M2"})
    assert known_names() == ["Apple M2"]
    monkeypatch.setattr(cpuinfo, "get_cpu_info", lambda: {})
    assert known_names() == []

    def refuse():
        raise Exception("py-cpuinfo currently only works on X86 and some ARM CPUs")

    monkeypatch.setattr(cpuinfo, "get_cpu_info", refuse)
    assert known_names() == []


def test_on_macos_py_cpuinfo_reads_the_brand_from_sysctl(monkeypatch):
    output = "machdep.cpu.cores_per_package: 8\nmachdep.cpu.brand_string: Apple M1\n"
    source = cpuinfo.cpuinfo.DataSource
    monkeypatch.setattr(source, "has_sysctl", staticmethod(lambda: True))
    monkeypatch.setattr(source, "sysctl_machdep_cpu_hw_cpufrequency", staticmethod(lambda: (0, output)))
    assert cpuinfo.cpuinfo._get_cpu_info_from_sysctl()["brand_raw"] == "Apple M1"


def test_a_machine_without_any_name_has_its_architecture(monkeypatch):
    monkeypatch.setattr(processor, "_read", lambda path: "")
    monkeypatch.setattr(processor, "known_names", list)
    monkeypatch.setattr(platform, "processor", lambda: "")
    processor_name.cache_clear()
    try:
        assert processor_name() == platform.machine()
    finally:
        processor_name.cache_clear()


def test_importing_the_plugin_asks_no_tool_for_the_processor():
    code = "import sys, harness.plugin, harness.plugin.hooks; sys.exit('cpuinfo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0
