"""An epoch record, and arbitrary JSON, for the tests of results."""

from hypothesis import strategies as st

from harness.results.result import EpochRecord

RECORD = EpochRecord(1, 0.1, 2.0, 30.0, 1.9, 33.0, 0.1, 0.5, 0.2, 0.0, 0.8)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)
