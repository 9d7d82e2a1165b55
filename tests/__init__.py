"""The tests of the harness, room by room."""

import os

# Before torch is imported. A second thread slows the tiny trainings down, many times over beside other work.
os.environ.setdefault("OMP_NUM_THREADS", "1")
