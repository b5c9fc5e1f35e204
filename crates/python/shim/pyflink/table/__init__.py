"""What programs import from `pyflink.table`."""

from typing import Any

from pyflink._host import NotSupportedError, TableException
from pyflink.table.environment import StreamTableEnvironment, TableEnvironment
from pyflink.table.result import ResultKind, TableResult
from pyflink.table.settings import EnvironmentSettings, SqlDialect, TableConfig
from pyflink.table.statement_set import StatementSet
from pyflink.table.table import Table

__all__ = [
    "DataTypes",
    "EnvironmentSettings",
    "NotSupportedError",
    "ResultKind",
    "SqlDialect",
    "StatementSet",
    "StreamTableEnvironment",
    "Table",
    "TableConfig",
    "TableEnvironment",
    "TableException",
    "TableResult",
]


class DataTypes:
    """Types of the Table API; only SQL types are supported, so every use is refused by name."""

    def __getattr__(self, name: str) -> Any:
        raise NotSupportedError("DataTypes." + name)


DataTypes = DataTypes()  # type: ignore[misc,assignment]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    raise NotSupportedError("pyflink.table." + name)
