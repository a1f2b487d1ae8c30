"""Reads a TOML file into a dataclass: its fields are the keys, their types what a key takes."""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

Table = TypeVar("Table")


class TableError(ValueError):
    """A file does not have the form that it must have; the message names file and key."""


def read_table(path: Path, kind: type[Table]) -> Table:
    """A file as an instance of a dataclass.

    A field is a text, a number, a truth value, an optional one of these, a tuple of one type, or
    another dataclass; a list in the file is a tuple.

    :raises TableError: if the file is no TOML, or has an unknown key, lacks one, or has a value of
        another type
    """
    try:
        return cast(Table, _value(tomllib.loads(path.read_text("utf-8")), kind, ""))
    except ValueError as error:
        raise TableError(f"{path.name}: {error}") from None


def _value(value: Any, kind: Any, key: str) -> Any:
    if is_dataclass(kind):
        return _table(value, kind, key)
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{key} must be a list.")
        return tuple(_value(item, get_args(kind)[0], key) for item in value)
    if NoneType in get_args(kind):
        kind = get_args(kind)[0]
    if type(value) is not kind:
        raise ValueError(f"{key} must be of the type {kind.__name__}, not {value!r}.")
    return value


def _table(table: Any, kind: Any, key: str) -> Any:
    if not isinstance(table, Mapping):
        raise ValueError(f"{key} must be a table.")
    place = f"{key}." if key else ""
    known = {field.name: field for field in fields(kind)}
    for name in table:
        if name not in known:
            raise ValueError(f"{place}{name} is not a key. There are: {', '.join(known)}.")
    for name, field in known.items():
        if field.default is MISSING and name not in table:
            raise ValueError(f"{place}{name} is missing.")
    kinds = get_type_hints(kind)
    return kind(**{name: _value(table[name], kinds[name], f"{place}{name}") for name in table})
