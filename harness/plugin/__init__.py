"""The pytest plugin: pytest registers this module, so every hook and fixture is imported here by name."""

from harness.plugin.benchmark_machine import (
    pytest_benchmark_compare_machine_info,
    pytest_benchmark_update_machine_info,
)
from harness.plugin.benchmark_table import pytest_benchmark_group_stats
from harness.plugin.fixtures import epoch_records, trained, wod_model, wod_seed, workbench
from harness.plugin.hooks import (
    pytest_addoption,
    pytest_collection_finish,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_generate_tests,
    pytest_itemcollected,
    pytest_keyboard_interrupt,
    pytest_load_initial_conftests,
    pytest_make_collect_report,
    pytest_report_collectionfinish,
    pytest_report_teststatus,
    pytest_runtest_makereport,
    pytest_runtest_setup,
    pytest_runtestloop,
    pytest_sessionfinish,
    pytest_sessionstart,
    pytest_terminal_summary,
    pytest_testnodedown,
)

__all__ = [
    "epoch_records",
    "pytest_addoption",
    "pytest_benchmark_compare_machine_info",
    "pytest_benchmark_group_stats",
    "pytest_benchmark_update_machine_info",
    "pytest_collection_finish",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_itemcollected",
    "pytest_keyboard_interrupt",
    "pytest_load_initial_conftests",
    "pytest_make_collect_report",
    "pytest_report_collectionfinish",
    "pytest_report_teststatus",
    "pytest_runtest_makereport",
    "pytest_runtest_setup",
    "pytest_runtestloop",
    "pytest_sessionfinish",
    "pytest_sessionstart",
    "pytest_terminal_summary",
    "pytest_testnodedown",
    "trained",
    "wod_model",
    "wod_seed",
    "workbench",
]
