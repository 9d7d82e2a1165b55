"""Tests of an installation, run by `pytest --pyargs harness.smoke` in any folder.

They take seconds, and need nothing but the package and its own dependencies.
"""
