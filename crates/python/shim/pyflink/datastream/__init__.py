"""`StreamExecutionEnvironment`, as far as SQL programs touch it."""

from typing import Any

from pyflink._host import NotSupportedError
from pyflink.datastream.environment import CheckpointingMode, StreamExecutionEnvironment, TimeCharacteristic

__all__ = ["CheckpointingMode", "StreamExecutionEnvironment", "TimeCharacteristic"]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    raise NotSupportedError("pyflink.datastream." + name)
