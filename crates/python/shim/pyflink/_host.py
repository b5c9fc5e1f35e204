"""The line to the host: requests out, replies in."""

import json
import sys
from typing import Any, Dict, Optional, TextIO


class NotSupportedError(NotImplementedError):
    """Weir does not support what the program asked for."""

    def __init__(self, what: str, instead: str = "express it in SQL with execute_sql") -> None:
        super().__init__("{} is not supported by Weir: {}".format(what, instead))


class TableException(Exception):
    """The host refused a statement; the message names line and column."""


_requests: Optional[TextIO] = None
_replies: Optional[TextIO] = None


def open_channel(requests: TextIO, replies: TextIO) -> None:
    global _requests, _replies
    _requests, _replies = requests, replies


def send(message: Dict[str, Any]) -> None:
    """Tells the host something that needs no reply."""
    if _requests is None:
        raise RuntimeError("this pyflink package only works inside Weir")
    _requests.write(json.dumps(message) + "\n")
    _requests.flush()


def ask(message: Dict[str, Any]) -> Any:
    """Asks the host and waits; raises `TableException` when the host refuses."""
    frame = sys._getframe(1)
    while frame is not None and "pyflink" in frame.f_code.co_filename:
        frame = frame.f_back  # type: ignore[assignment]
    if frame is not None:
        message["file"] = frame.f_code.co_filename
        message["line"] = frame.f_lineno
    send(message)
    assert _replies is not None
    line = _replies.readline()
    if not line:
        raise TableException("the host closed the line")
    reply = json.loads(line)
    if "error" in reply:
        raise TableException(reply["error"])
    return reply.get("value")


def text(value: Any) -> str:
    """A configuration value as Flink spells it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
