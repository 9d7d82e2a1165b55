"""The doctor: short checks that the harness computes the right thing on the device at hand.

Each check is a function from a `Subject` to an `Outcome`; `checks` lists them.
"""
