"""Flink's own module path of `pyflink.table.result`."""

from pyflink.table.result import *  # noqa: F401,F403
