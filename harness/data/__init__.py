"""Datasets: found, downloaded, verified, decoded, split and augmented; images in memory as 8-bit tensors.

`registry` is the way in; `formats` has one module per publisher or layout. The specs are in `harness.config.datasets`.
"""
