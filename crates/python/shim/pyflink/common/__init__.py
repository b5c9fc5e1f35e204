"""What programs import from `pyflink.common`."""

from pyflink.common.configuration import Configuration
from pyflink.common.job import JobClient, JobExecutionResult, JobID, JobStatus

__all__ = ["Configuration", "JobClient", "JobExecutionResult", "JobID", "JobStatus"]


def __getattr__(name: str) -> object:
    from pyflink._host import NotSupportedError

    if name.startswith("__"):
        raise AttributeError(name)
    raise NotSupportedError("pyflink.common." + name)
