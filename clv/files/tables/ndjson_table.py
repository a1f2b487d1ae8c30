"""The rows of an NDJSON file by column: the fields of its objects, as text."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from clv.budgets import MAX_COLUMNS
from clv.errors import Invalid
from clv.files.blocks import BLOCK_ROWS, BLOCK_SIZE, Block, lines
from clv.files.json_lines import RepeatedField, object_decoder
from clv.files.names import shown
from clv.files.stream import File, KeptStream, inflated
from clv.files.tables.encoding import HEAD_SIZE, Decoder, fault
from clv.files.tables.header_line import HEAD_ROWS, head_cell
from clv.files.tables.selection import BadRow


class NdjsonTable:
    """A table in an NDJSON file; see ``clv.files.tables.table.Table``. Its columns are the fields
    of the first objects.

    :param kept: the bytes of the file
    :param file: its limits
    :raises Invalid: if no line is an object
    """

    delimiter = None
    header_line = 1
    line: int
    # A bad line; raised by the next read().
    _bad: BadRow | None
    _objects: Iterator[tuple[int, dict[str, str], str]]

    def __init__(self, kept: KeptStream, file: File, declared: str | None, partial: bool) -> None:
        self._kept, self._file, self._partial = kept, file, partial
        self._declared = declared
        self.footer: list[int] = []
        self.rewind()
        first = list(_head(self._objects))
        names = dict.fromkeys(name for _, row, _ in first for name in row)
        self.header = tuple(names)
        bad = [wrong for _, _, wrong in first if wrong]
        if not names:
            raise Invalid(bad[0] if bad else "The file is empty.")
        self._first = [(line, row) for line, row, wrong in first if not wrong]
        self.select(range(len(self.header)))
        self.rewind()

    @property
    def encoding(self) -> str:
        """See ``Table``."""
        return self._decoder.encoding

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """See ``Table``."""
        return self._decoder.warnings

    def head(self) -> list[tuple[int, list[str]]]:
        """See ``Table``."""
        return [(line, [row.get(name, "") for name in self.header]) for line, row in self._first]

    def select(self, indexes: Sequence[int], required: Sequence[int] = ()) -> None:
        """See ``Table``."""
        self._names = [self.header[index] for index in indexes]

    def read(self) -> Block | None:
        """See ``Table``."""
        if self._bad:
            bad, self._bad = self._bad, None
            self.line = bad.line
            raise bad
        numbers, rows = [], []
        size = 0
        for number, row, wrong in islice(self._objects, BLOCK_ROWS):
            cells = [row.get(name, "") for name in self._names]
            size += sum(map(len, cells))
            wrong = wrong or self._nested(cells)
            if wrong:
                self._bad = BadRow(number, wrong)
                break
            self.line = number
            numbers.append(number)
            rows.append(cells)
            if size > BLOCK_SIZE:
                break
        if not rows and self._bad:
            return self.read()
        return Block(numbers, list(zip(*rows, strict=True))) if rows else None

    def rewind(self, is_last: bool = False) -> None:
        """See ``Table``."""
        self.line, self._bad = 0, None
        stream = inflated(self._kept.reading(), self._file, self._partial)
        if is_last:
            self._kept.keep_no_more()
        self._decoder = Decoder(stream.peek(4)[:4], self._declared)
        self._objects = self._read_objects(self._decoder.blocks(stream, self._partial))

    def close(self) -> None:
        """See ``Table``."""
        self._objects = iter(())
        self._kept.close()

    def _nested(self, cells: list[str]) -> str:
        """What is wrong with the fields of a line that are used; "" if nothing is."""
        for name, cell in zip(self._names, cells, strict=True):
            if type(cell) is _Nested:
                return f"{shown(name)}: Must be a string, a number, true, false or null."
        return ""

    def _read_objects(self, blocks: Iterator[str]) -> Iterator[tuple[int, dict[str, str], str]]:
        """The number of each line, its fields, and what is wrong, or ""; without empty lines."""
        number = 0
        for block in blocks:
            for line in lines(block):
                number += 1
                if not line.strip():
                    continue
                try:
                    yield number, self._fields(line), ""
                except ValueError as error:
                    yield number, {}, str(error)

    def _fields(self, line: str) -> dict[str, str]:
        if wrong := fault(line, self._decoder.encoding):
            raise ValueError(wrong)
        fields = _object(line)
        if len(fields) > MAX_COLUMNS:
            raise ValueError(
                f"The line has {len(fields):,} fields; at most {MAX_COLUMNS:,} can be read."
            )
        return {name: _text(field) for name, field in fields.items()}


def _head(
    objects: Iterator[tuple[int, dict[str, str], str]],
) -> Iterator[tuple[int, dict[str, str], str]]:
    """The first objects, as far as they are no larger together than the head of a text file."""
    size = 0
    for number, row, wrong in islice(objects, HEAD_ROWS):
        yield number, {name: head_cell(cell) for name, cell in row.items()}, wrong
        size += sum(map(len, row)) + sum(map(len, row.values()))
        if size > HEAD_SIZE:
            return


class _Nested(str):
    """In place of an array or an object, which can't be used."""


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return ("true" if value else "false") if isinstance(value, bool) else _Nested()


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise RepeatedField(f"{shown(twice)}: Is given twice.")
    return fields


# Numbers stay as they are written.
_object = object_decoder(parse_float=str, parse_int=str, object_pairs_hook=_distinct)
