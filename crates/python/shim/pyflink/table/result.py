"""What a statement gives back to the program."""

from enum import Enum
from typing import Any, Optional

from pyflink._host import NotSupportedError
from pyflink.common.job import JobClient


class ResultKind(Enum):
    """Whether a result has content."""

    SUCCESS = 0
    SUCCESS_WITH_CONTENT = 1


class TableResult:
    """Result of a statement; of an INSERT it carries the job's client."""

    def __init__(self, job_client: Optional[JobClient] = None) -> None:
        self._job_client = job_client

    def get_job_client(self) -> Optional[JobClient]:
        return self._job_client

    def wait(self, timeout_ms: Optional[int] = None) -> None:
        """Returns at once: the job starts when the program has ended."""

    def get_result_kind(self) -> ResultKind:
        return ResultKind.SUCCESS if self._job_client is None else ResultKind.SUCCESS_WITH_CONTENT

    def get_table_schema(self) -> Any:
        raise NotSupportedError("TableResult.get_table_schema")

    def collect(self) -> Any:
        raise NotSupportedError("TableResult.collect", "write to a table with INSERT INTO")

    def print(self) -> None:
        if self._job_client is None:
            print("OK")
        else:
            print("Job has been submitted with JobID {}".format(self._job_client.get_job_id()))
