"""Values that were stored as JSON, as the dataclasses that this version has."""

from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any, TypeVar

T = TypeVar("T")


def known(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are fields of a dataclass. During a deploy a newer version runs beside this
    one, and what it stored besides is nothing to this one."""
    names = _names(kind)
    return {name: value for name, value in values.items() if name in names}


def restored(kind: type[T], values: Mapping[str, Any]) -> T:
    """The dataclass of these values, without those that it has no field for."""
    return kind(**known(kind, values))


@lru_cache(maxsize=64)
def _names(kind: type) -> frozenset[str]:
    return frozenset(field.name for field in fields(kind))
