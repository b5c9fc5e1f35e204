"""`StatementSet`: several INSERTs as one job."""

from typing import TYPE_CHECKING, Any, List

from pyflink._host import NotSupportedError, ask
from pyflink.common.job import JobClient
from pyflink.table.result import TableResult

if TYPE_CHECKING:
    from pyflink.table.table import Table


class StatementSet:
    """Collects INSERT statements; `execute` hands them to the host together."""

    def __init__(self) -> None:
        self._inserts: List[str] = []

    def add_insert_sql(self, stmt: str) -> "StatementSet":
        self._inserts.append(stmt)
        return self

    def add_insert(self, target_path: str, table: "Table", overwrite: bool = False) -> "StatementSet":
        if overwrite:
            raise NotSupportedError("StatementSet.add_insert(overwrite=True)", "append instead")
        return self.add_insert_sql("INSERT INTO {} {}".format(target_path, table._sql))

    def explain(self, *extra_details: Any) -> str:
        raise NotSupportedError("StatementSet.explain", "read the application's graph over the API")

    def attach_as_datastream(self) -> None:
        raise NotSupportedError("StatementSet.attach_as_datastream", "call execute()")

    def execute(self) -> TableResult:
        inserts, self._inserts = self._inserts, []
        ask({"op": "statement_set", "inserts": inserts})
        return TableResult(JobClient())


class StreamStatementSet(StatementSet):
    """The name that a `StreamTableEnvironment` gives it."""
