"""Flink's own module path of `pyflink.table.settings`."""

from pyflink.table.settings import *  # noqa: F401,F403
