"""Trackers: every case as a run in TensorBoard, MLflow or a tracker of one's own.

A tracker works in a process of its own, which reads epochs and results from the results folder. So a tracker that is
slow, hangs or crashes cannot stop or slow a training, and what it missed is logged later.
"""
