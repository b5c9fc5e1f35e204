"""Flink's own module path of `pyflink.datastream.environment`."""

from pyflink.datastream.environment import *  # noqa: F401,F403
