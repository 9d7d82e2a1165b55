"""An epoch's record as the tests need one."""

from harness.results.result import EpochRecord

RECORD = EpochRecord(1, 0.1, 2.0, 30.0, 1.9, 33.0, 0.1, 0.5, 0.2, 0.0, 2.0)
