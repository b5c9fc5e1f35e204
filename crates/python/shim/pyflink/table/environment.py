"""`TableEnvironment`: statements go to the host, which checks each at once."""

import re
from typing import Any, Optional, Union

from pyflink._host import NotSupportedError, ask
from pyflink.common.configuration import Configuration
from pyflink.common.job import JobClient, JobExecutionResult, JobID
from pyflink.table.result import TableResult
from pyflink.table.settings import EnvironmentSettings, TableConfig
from pyflink.table.statement_set import StatementSet, StreamStatementSet
from pyflink.table.table import Table

_STARTS_JOB = re.compile(r"^(\s|--[^\n]*\n|/\*.*?\*/)*(INSERT|EXECUTE)\b", re.IGNORECASE | re.DOTALL)


def _quoted(path: str) -> str:
    parts = path.replace("`", "").split(".")
    return ".".join("`{}`".format(part) for part in parts)


class TableEnvironment:
    """The door to SQL."""

    def __init__(self, settings: Optional[EnvironmentSettings] = None) -> None:
        self._config = TableConfig(self._on_config)
        self._legacy = StatementSet()
        if settings is not None:
            self._config.add_configuration(settings.get_configuration())

    @staticmethod
    def create(
        environment_settings: Optional[Union[EnvironmentSettings, Configuration]] = None,
    ) -> "TableEnvironment":
        return TableEnvironment(_settings(environment_settings))

    @staticmethod
    def _on_config(key: str, value: str) -> None:
        ask({"op": "config", "key": key, "value": value})

    def get_config(self) -> TableConfig:
        return self._config

    def execute_sql(self, stmt: str) -> TableResult:
        ask({"op": "execute_sql", "sql": stmt})
        return TableResult(JobClient() if _STARTS_JOB.match(stmt) else None)

    def sql_query(self, query: str) -> Table:
        ask({"op": "schema", "sql": query})
        return Table(query)

    def from_path(self, path: str) -> Table:
        return self.sql_query("SELECT * FROM {}".format(_quoted(path)))

    def create_temporary_view(self, view_path: str, table: Any, *args: Any) -> None:
        if not isinstance(table, Table) or args:
            raise NotSupportedError("create_temporary_view from a DataStream")
        ask({"op": "view", "name": view_path, "sql": table._sql})

    def register_table(self, name: str, table: Table) -> None:
        self.create_temporary_view(name, table)

    def drop_temporary_view(self, view_path: str) -> bool:
        ask({"op": "execute_sql", "sql": "DROP TEMPORARY VIEW IF EXISTS {}".format(_quoted(view_path))})
        return True

    def drop_temporary_table(self, table_path: str) -> bool:
        ask({"op": "execute_sql", "sql": "DROP TEMPORARY TABLE IF EXISTS {}".format(_quoted(table_path))})
        return True

    def create_statement_set(self) -> StatementSet:
        return StatementSet()

    def use_catalog(self, catalog_name: str) -> None:
        if catalog_name != "default_catalog":
            raise NotSupportedError("use_catalog({!r})".format(catalog_name), "use default_catalog")

    def use_database(self, database_name: str) -> None:
        if database_name != "default_database":
            raise NotSupportedError("use_database({!r})".format(database_name), "use default_database")

    def get_current_catalog(self) -> str:
        return "default_catalog"

    def get_current_database(self) -> str:
        return "default_database"

    def add_python_file(self, file_path: str) -> None:
        import sys

        sys.path.append(file_path)

    def sql_update(self, stmt: str) -> None:
        """Flink 1.11: INSERTs wait for `execute`."""
        if _STARTS_JOB.match(stmt):
            self._legacy.add_insert_sql(stmt)
        else:
            self.execute_sql(stmt)

    def insert_into(self, target_path: str, table: Table) -> None:
        self._legacy.add_insert(target_path, table)

    def execute(self, job_name: str) -> JobExecutionResult:
        self._legacy.execute()
        return JobExecutionResult(JobID())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotSupportedError("TableEnvironment." + name)


class StreamTableEnvironment(TableEnvironment):
    """The name that most programs use."""

    @staticmethod
    def create(  # type: ignore[override]
        stream_execution_environment: Any = None,
        environment_settings: Optional[Union[EnvironmentSettings, Configuration]] = None,
        table_config: Optional[TableConfig] = None,
    ) -> "StreamTableEnvironment":
        if isinstance(stream_execution_environment, (EnvironmentSettings, Configuration)):
            environment_settings = stream_execution_environment
        made = StreamTableEnvironment(_settings(environment_settings))
        if table_config is not None:
            made.get_config().add_configuration(table_config.get_configuration())
        return made

    def create_statement_set(self) -> StreamStatementSet:
        return StreamStatementSet()


def _settings(
    given: Optional[Union[EnvironmentSettings, Configuration]],
) -> Optional[EnvironmentSettings]:
    return EnvironmentSettings(given) if isinstance(given, Configuration) else given
