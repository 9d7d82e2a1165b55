"""Layouts of datasets on disk: one module per publisher, and class folders for any dataset."""
