"""The execution environment: settings are kept, the DataStream API is refused by name."""

from enum import Enum
from typing import Any, Optional

from pyflink._host import NotSupportedError
from pyflink.common.configuration import Configuration


class TimeCharacteristic(Enum):
    """Kept for programs of Flink 1.11; event time is decided by each table's WATERMARK."""

    ProcessingTime = 0
    IngestionTime = 1
    EventTime = 2


class CheckpointingMode(Enum):
    """How checkpoints are taken; Weir's are always exactly once."""

    EXACTLY_ONCE = 0
    AT_LEAST_ONCE = 1


class CheckpointConfig:
    """Checkpoint settings are the application's; what a program asks for here is not used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("set_", "enable_", "disable_")):
            return lambda *args, **kwargs: self
        raise NotSupportedError("CheckpointConfig." + name, "set it in the application's configuration")


class StreamExecutionEnvironment:
    """The environment a `StreamTableEnvironment` may be created from."""

    def __init__(self) -> None:
        self._configuration = Configuration()
        self._parallelism = -1

    @staticmethod
    def get_execution_environment(
        configuration: Optional[Configuration] = None,
    ) -> "StreamExecutionEnvironment":
        return StreamExecutionEnvironment()

    def set_parallelism(self, parallelism: int) -> "StreamExecutionEnvironment":
        self._parallelism = parallelism
        return self

    def get_parallelism(self) -> int:
        return self._parallelism

    def set_max_parallelism(self, max_parallelism: int) -> "StreamExecutionEnvironment":
        return self

    def set_stream_time_characteristic(self, characteristic: TimeCharacteristic) -> None:
        return None

    def enable_checkpointing(self, interval: int, mode: Any = None) -> "StreamExecutionEnvironment":
        return self

    def get_checkpoint_config(self) -> CheckpointConfig:
        return CheckpointConfig()

    def add_jars(self, *jars: str) -> None:
        """Connectors are part of Weir; jars are not needed."""

    def add_python_file(self, path: str) -> None:
        import sys

        sys.path.append(path)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotSupportedError("StreamExecutionEnvironment." + name)
