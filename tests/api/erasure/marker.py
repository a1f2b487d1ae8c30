"""A customer with an id and amounts that nothing else has, and where they are found."""

import json
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from redis import Redis

from clv import db
from clv.domain.units import AMOUNT_SCALE

# Where a file has not the database's name.
FILES = "files"


@dataclass(frozen=True)
class Marker:
    """What to look for.

    :param text: a part of the customers' ids
    :param amounts: in 1/10,000
    """

    text: str
    amounts: tuple[int, ...]

    @cached_property
    def needles(self) -> list[bytes]:
        """The id, and each amount as the databases, JSON and arrays of numbers have it."""
        forms = [form for amount in self.amounts for form in _forms(amount)]
        return [self.text.encode(), *forms]

    def is_in(self, content: bytes) -> bool:
        """Whether any of it is in this content."""
        return any(needle in content for needle in self.needles)


def in_tables(marker: Marker) -> set[str]:
    """The tables with a row that has it in any column."""
    with db.scope():
        return {name for name in _tables() if any(map(marker.is_in, _rows(name)))}


def in_redis(marker: Marker, redis: Redis) -> set[bytes]:
    """The keys that have it in their names or values."""
    found = set()
    for key in redis.scan_iter():
        values = [key, *map(_bytes, _values(redis, key))]
        values += [plain for value in values if (plain := _inflated(value))]
        if any(map(marker.is_in, values)):
            found.add(key)
    return found


def in_files(marker: Marker, folders: Iterable[Path]) -> set[str]:
    """The names of the files that have it in their names or bytes."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path.name for path in files if marker.is_in(str(path).encode() + path.read_bytes())}


def _forms(amount: int) -> Iterator[bytes]:
    for number in (amount, amount / AMOUNT_SCALE):
        yield from (struct.pack("<d", number), struct.pack(">d", number))
    yield from (str(amount).encode(), f"{amount / AMOUNT_SCALE:.4f}".rstrip("0").encode())
    yield f"{amount / AMOUNT_SCALE:.2f}".encode()
    # SQLite's integers, of 6 bytes or 8.
    yield amount.to_bytes(6 if amount < 2**47 else 8, "big")


def _tables() -> list[str]:
    if db.is_sqlite():
        names = "SELECT name FROM sqlite_master WHERE type = 'table'"
    else:
        names = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    return [name for (name,) in db.rows(names)]


def _rows(table: str) -> Iterator[bytes]:
    for row in db.rows(f"SELECT * FROM {table}"):
        yield b"\0".join(map(_bytes, row))
    if not db.is_sqlite():
        for (text,) in db.rows(f"SELECT CAST(t AS text) FROM {table} t"):
            yield text.encode()


def _values(redis: Redis, key: bytes) -> list[Any]:
    kind = redis.type(key).decode()
    if kind == "hash":
        return [part for pair in redis.hgetall(key).items() for part in pair]
    if kind == "string":
        return [redis.get(key)]
    if kind == "stream":
        return [json.dumps(redis.xrange(key), default=str)]
    ranges = {"list": redis.lrange, "zset": redis.zrange}
    return list(ranges[kind](key, 0, -1) if kind in ranges else redis.smembers(key))


def _bytes(value: Any) -> bytes:
    if isinstance(value, float):
        return struct.pack("<d", value) + repr(value).encode()
    return bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode()


def _inflated(value: bytes) -> bytes | None:
    try:
        return zlib.decompress(value)
    except zlib.error:
        return None
