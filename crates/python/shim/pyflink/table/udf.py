"""`pyflink.table.udf` can be imported; what is used of it is refused by name."""

from typing import Any

from pyflink._host import NotSupportedError


class _Refused:
    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise NotSupportedError(self._name)

    def __getattr__(self, name: str) -> Any:
        raise NotSupportedError(self._name + "." + name)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return _Refused("pyflink.table.udf." + name)
