"""A line of NDJSON, which is an object."""

import json
from collections.abc import Callable
from typing import Any, NoReturn


class RepeatedField(ValueError):
    """An object has a field twice."""


def object_decoder(**options: Any) -> Callable[[str], dict[str, Any]]:
    """What decodes a line, or raises ``ValueError`` with what is wrong with it.

    :param options: of ``json.JSONDecoder``
    """
    # Python's decoder accepts NaN and Infinity, which JSON does not have.
    decode = json.JSONDecoder(parse_constant=_refuse_constant, **options).decode

    def decoded(line: str) -> dict[str, Any]:
        try:
            value = decode(line)
        except RepeatedField:
            raise
        except (ValueError, RecursionError):
            raise ValueError("The line is not JSON.") from None
        if not isinstance(value, dict):
            raise ValueError("The line must be an object.")
        return value

    return decoded


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON.")
