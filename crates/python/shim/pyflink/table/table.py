"""`Table`: a query by its SQL text."""

from typing import Any

from pyflink._host import NotSupportedError, ask
from pyflink.common.job import JobClient
from pyflink.table.result import TableResult


class Table:
    """A query. The operations of the Table API are refused by name."""

    def __init__(self, sql: str) -> None:
        self._sql = sql

    def execute_insert(self, table_path: str, overwrite: bool = False) -> TableResult:
        if overwrite:
            raise NotSupportedError("Table.execute_insert(overwrite=True)", "append instead")
        ask({"op": "execute_sql", "sql": "INSERT INTO {} {}".format(table_path, self._sql)})
        return TableResult(JobClient())

    def print_schema(self) -> None:
        print(ask({"op": "schema", "sql": self._sql}))

    def __str__(self) -> str:
        return "({})".format(self._sql)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotSupportedError("Table." + name)
