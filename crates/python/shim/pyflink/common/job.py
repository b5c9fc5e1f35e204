"""What a program sees of the job it has asked for.

The host starts the job when the program has ended, so a program that waits for its job goes on
at once, and the status it sees is that of a job about to run.
"""

import uuid
from enum import IntEnum
from typing import Dict


class JobStatus(IntEnum):
    """Flink's job states."""

    INITIALIZING = 0
    CREATED = 1
    RUNNING = 2
    FAILING = 3
    FAILED = 4
    CANCELLING = 5
    CANCELED = 6
    FINISHED = 7
    RESTARTING = 8
    SUSPENDED = 9
    RECONCILING = 10


class JobID:
    """A job's id."""

    def __init__(self) -> None:
        self._id = uuid.uuid4().hex

    def __str__(self) -> str:
        return self._id


class JobExecutionResult:
    """The result of a job that the host runs."""

    def __init__(self, job_id: JobID) -> None:
        self._job_id = job_id

    def get_job_id(self) -> JobID:
        return self._job_id

    def is_job_execution_result(self) -> bool:
        return True

    def get_all_accumulator_results(self) -> Dict[str, object]:
        return {}


class _Done:
    def __init__(self, value: object) -> None:
        self._value = value

    def result(self) -> object:
        return self._value

    def done(self) -> bool:
        return True

    def __str__(self) -> str:
        return str(self._value)


class JobClient:
    """The program's handle on its job."""

    def __init__(self) -> None:
        self._job_id = JobID()

    def get_job_id(self) -> JobID:
        return self._job_id

    def get_job_status(self) -> _Done:
        return _Done(JobStatus.RUNNING)

    def get_job_execution_result(self) -> _Done:
        return _Done(JobExecutionResult(self._job_id))

    def cancel(self) -> _Done:
        from pyflink._host import NotSupportedError

        raise NotSupportedError("JobClient.cancel", "stop the application over the API")
