"""The pytest plugin."""

from harness.plugin.hooks import *  # noqa: F403
