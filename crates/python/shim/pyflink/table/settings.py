"""Settings of a table environment, old and new spelling."""

from enum import Enum
from typing import Any, Callable, Optional

from pyflink._host import NotSupportedError
from pyflink.common.configuration import Configuration


class SqlDialect(Enum):
    """Only the default dialect is supported."""

    DEFAULT = 0
    HIVE = 1


class EnvironmentSettings:
    """Streaming mode is the only mode."""

    def __init__(self, configuration: Optional[Configuration] = None) -> None:
        self._configuration = configuration or Configuration()

    @staticmethod
    def new_instance() -> "EnvironmentSettings.Builder":
        return EnvironmentSettings.Builder()

    @staticmethod
    def in_streaming_mode() -> "EnvironmentSettings":
        return EnvironmentSettings()

    @staticmethod
    def in_batch_mode() -> "EnvironmentSettings":
        raise NotSupportedError("EnvironmentSettings.in_batch_mode", "use in_streaming_mode()")

    @staticmethod
    def from_configuration(config: Configuration) -> "EnvironmentSettings":
        return EnvironmentSettings(config)

    def is_streaming_mode(self) -> bool:
        return True

    def get_configuration(self) -> Configuration:
        return self._configuration

    def get_built_in_catalog_name(self) -> str:
        return "default_catalog"

    def get_built_in_database_name(self) -> str:
        return "default_database"

    class Builder:
        """Builder of Flink 1.11 to 1.20; planner choices make no difference."""

        def __init__(self) -> None:
            self._configuration = Configuration()

        def use_blink_planner(self) -> "EnvironmentSettings.Builder":
            return self

        def use_any_planner(self) -> "EnvironmentSettings.Builder":
            return self

        def use_old_planner(self) -> "EnvironmentSettings.Builder":
            raise NotSupportedError("use_old_planner", "leave it out or call use_blink_planner()")

        def in_streaming_mode(self) -> "EnvironmentSettings.Builder":
            return self

        def in_batch_mode(self) -> "EnvironmentSettings.Builder":
            raise NotSupportedError("in_batch_mode", "use in_streaming_mode()")

        def with_built_in_catalog_name(self, name: str) -> "EnvironmentSettings.Builder":
            return self

        def with_built_in_database_name(self, name: str) -> "EnvironmentSettings.Builder":
            return self

        def with_configuration(self, config: Configuration) -> "EnvironmentSettings.Builder":
            self._configuration = config
            return self

        def build(self) -> "EnvironmentSettings":
            return EnvironmentSettings(self._configuration)


class TableConfig:
    """Options of a table environment; each goes to the host as it is set."""

    def __init__(self, on_set: Optional[Callable[[str, str], None]] = None) -> None:
        self._configuration = Configuration(on_set)

    @staticmethod
    def get_default() -> "TableConfig":
        return TableConfig()

    def get_configuration(self) -> Configuration:
        return self._configuration

    def add_configuration(self, configuration: Configuration) -> None:
        for key, value in configuration.to_dict().items():
            self._configuration.set_string(key, value)

    def set(self, key: str, value: Any) -> "TableConfig":
        self._configuration._set(key, value)
        return self

    def get(self, key: str, default_value: str) -> str:
        return self._configuration.get_string(key, default_value)

    def set_local_timezone(self, timezone_id: str) -> None:
        self.set("table.local-time-zone", timezone_id)

    def get_local_timezone(self) -> str:
        return self.get("table.local-time-zone", "UTC")

    def set_sql_dialect(self, sql_dialect: SqlDialect) -> None:
        if sql_dialect is not SqlDialect.DEFAULT:
            raise NotSupportedError("SqlDialect.HIVE", "use the default dialect")

    def get_sql_dialect(self) -> SqlDialect:
        return SqlDialect.DEFAULT

    def set_idle_state_retention(self, duration: Any) -> None:
        self.set("table.exec.state.ttl", "{} ms".format(int(duration.total_seconds() * 1000)))

    def set_idle_state_retention_time(self, min_time: Any, max_time: Any) -> None:
        self.set_idle_state_retention(max_time)
