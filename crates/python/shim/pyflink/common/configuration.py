"""`Configuration`: options by key; a table environment's own copy tells the host."""

from typing import Any, Callable, Dict, Optional

from pyflink._host import text


class Configuration:
    """String options by key."""

    def __init__(self, on_set: Optional[Callable[[str, str], None]] = None) -> None:
        self._values: Dict[str, str] = {}
        self._on_set = on_set

    def _set(self, key: str, value: Any) -> "Configuration":
        self._values[key] = text(value)
        if self._on_set is not None:
            self._on_set(key, self._values[key])
        return self

    def set_string(self, key: str, value: str) -> "Configuration":
        return self._set(key, value)

    def set_integer(self, key: str, value: int) -> "Configuration":
        return self._set(key, value)

    def set_boolean(self, key: str, value: bool) -> "Configuration":
        return self._set(key, value)

    def set_float(self, key: str, value: float) -> "Configuration":
        return self._set(key, value)

    def get_string(self, key: str, default_value: str) -> str:
        return self._values.get(key, default_value)

    def get_integer(self, key: str, default_value: int) -> int:
        return int(self._values.get(key, default_value))

    def get_boolean(self, key: str, default_value: bool) -> bool:
        return self._values.get(key, text(default_value)) == "true"

    def get_float(self, key: str, default_value: float) -> float:
        return float(self._values.get(key, default_value))

    def contains_key(self, key: str) -> bool:
        return key in self._values

    def to_dict(self) -> Dict[str, str]:
        return dict(self._values)
