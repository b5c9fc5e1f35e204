"""Starts a user's program and carries what it records to the host.

The host talks over this process's standard input and output, one JSON object a line. Before the
program starts, both are moved out of its way: its own prints go to standard error (the
application's log) and its standard input is empty.
"""

import json
import os
import runpy
import sys
import traceback
from typing import Any, Dict


def _open_channel() -> None:
    from pyflink import _host

    requests = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    replies = os.fdopen(os.dup(0), "r", encoding="utf-8")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    _host.open_channel(requests, replies)


def _show_properties(path: str) -> None:
    """Outside the sandbox there is no private `/etc`: opening the file leads to `path`."""
    import builtins
    import io

    seen_as = "/etc/flink/application_properties.json"

    def leading(function: Any) -> Any:
        def call(name: Any, *args: Any, **kwargs: Any) -> Any:
            return function(path if name == seen_as else name, *args, **kwargs)

        return call

    builtins.open = io.open = leading(builtins.open)
    os.stat = leading(os.stat)
    os.path.isfile = leading(os.path.isfile)
    os.path.exists = leading(os.path.exists)


def _traceback_of(error: BaseException) -> str:
    """The traceback as the user knows it: without the frames of this launcher."""
    frames = error.__traceback__
    here = os.path.abspath(__file__)
    while frames is not None:
        name = frames.tb_frame.f_code.co_filename
        if os.path.abspath(name) != here and "runpy" not in name:
            break
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))


def main() -> int:
    program = sys.argv[1]
    sys.argv = [program] + sys.argv[2:]
    sys.path.insert(0, os.path.dirname(os.path.abspath(program)))
    _open_channel()
    properties = os.environ.pop("WEIR_PROPERTIES_FILE", None)
    if properties is not None:
        _show_properties(properties)
    from pyflink import _host

    result: Dict[str, Any] = {"op": "finished"}
    try:
        runpy.run_path(program, run_name="__main__")
    except SystemExit as end:
        if end.code not in (None, 0):
            result = {
                "op": "failed",
                "message": "the program ended with exit status {}".format(end.code),
                "traceback": _traceback_of(end),
            }
    except BaseException as error:  # whatever the program raises is its result
        result = {
            "op": "failed",
            "message": "{}: {}".format(type(error).__name__, error),
            "traceback": _traceback_of(error),
        }
    sys.stdout.flush()
    sys.stderr.flush()
    _host.send(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
