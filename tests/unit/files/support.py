"""Reading a table to its end."""

import io
from contextlib import closing
from dataclasses import dataclass

import pytest

from clv.errors import Invalid
from clv.files.choices import Choices
from clv.files.stream import File
from clv.files.tables.table import Table, open_table


class Unseekable(io.RawIOBase):
    """A stream as from a network: it comes in small pieces, once."""

    def __init__(self, data: bytes, size: int = 1_000) -> None:
        self._data, self._size = io.BytesIO(data), size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        return self._data.readinto(memoryview(buffer)[: self._size])


@dataclass
class Cells:
    """All that a table has."""

    header: tuple[str, ...]
    header_line: int
    encoding: str | None
    delimiter: str | None
    warnings: list[tuple[str, str]]
    rows: list[tuple]
    lines: list[int]
    bad: list[tuple[int, str]]
    footer: list[int]
    head: list[tuple[int, list[str]]]


def read(data, columns=None, partial=False, **choices) -> Cells:
    """The table in a file of these bytes, or of this text."""
    data = data.encode() if isinstance(data, str) else data
    table = open_table(File(Unseekable(data)), Choices(**choices), partial)
    with closing(table):
        if columns:
            table.select([table.header.index(name) for name in columns])
        return cells(table)


def cells(table: Table) -> Cells:
    """What is left of a table."""
    head = table.head()
    rows, lines, bad = [], [], []
    while True:
        try:
            block = table.read()
        except ValueError as error:
            bad.append((table.line, str(error)))
            continue
        if block is None:
            break
        assert len(block) and table.line == block.lines[-1]
        rows += zip(*block.cells, strict=True)
        lines += block.lines
    assert len(rows) == len(lines)
    return Cells(
        table.header,
        table.header_line,
        table.encoding,
        table.delimiter,
        table.warnings,
        rows,
        lines,
        bad,
        table.footer,
        head,
    )


def refusal(data, **choices) -> str:
    """Why a file is refused."""
    with pytest.raises(Invalid) as raised:
        read(data, **choices)
    return raised.value.message
