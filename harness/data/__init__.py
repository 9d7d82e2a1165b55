"""Datasets: found, downloaded, verified, decoded, split, augmented; images as 8-bit tensors.

`registry` is the way in; `formats` has one module per publisher or layout. The specs are in `harness.config.datasets`.
"""
