"""Flink's own module path of `pyflink.table.environment`."""

from pyflink.table.environment import *  # noqa: F401,F403
