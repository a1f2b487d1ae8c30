"""Reads NDJSON: a JSON object a line."""

import io
import json
from functools import partial
from itertools import islice
from typing import Any, NoReturn

from clv.files.chunks import CHUNK_ROWS, CHUNK_SIZE, MAX_LINE, Chunk, shown, spellings
from clv.files.layouts import LEFT_OUT, Layout, named


class NdjsonReader:
    """An NDJSON; ``line`` is the number of the last line that was read."""

    def __init__(self, text: io.TextIOWrapper, layout: Layout) -> None:
        self.line = 0
        self._lines = iter(partial(text.readline, MAX_LINE), "")
        self._layout = layout
        self._problem: str | None = None
        self._places = {
            name: place
            for place, column in enumerate(layout.columns)
            for name in spellings(column.name)
        }

    def read(self) -> Chunk | None:
        """The next objects; None at the end.

        :raises ValueError: at a line that is no object, or has an unknown field
        """
        if self._problem:
            problem, self._problem = self._problem, None
            raise ValueError(problem)
        lines, rows, size = [], [], 0
        for text in islice(self._lines, CHUNK_ROWS):
            self.line += 1
            size += len(text)
            try:
                if text.strip():
                    rows.append(self._row(text))
                    lines.append(self.line)
            except ValueError as error:
                self._problem = str(error)
            if self._problem or size > CHUNK_SIZE:
                break
        return Chunk(lines, list(zip(*rows, strict=True))) if size else None

    def values(self, chunk: Chunk) -> list[list]:
        """The values of a chunk for each column of the layout.

        :raises ValueError: when one is bad; of a single row it says which and why
        """
        columns = zip(self._layout.columns, chunk.cells, strict=True)
        return [named(column.label, list, map(column.of_any, values)) for column, values in columns]

    def _row(self, text: str) -> list[Any]:
        """JSON values in the order of the layout's columns."""
        row = [LEFT_OUT] * len(self._layout.columns)
        for name, value in _object(text).items():
            place = self._places.get(name)
            if place is None:
                if self._layout.is_complete:
                    raise ValueError(f"{shown(name)}: Unknown field.")
            elif row[place] is not LEFT_OUT:
                raise ValueError(f"{self._layout.columns[place].label}: Is given twice.")
            else:
                row[place] = value
        return row


def _object(text: str) -> dict[str, Any]:
    try:
        found = _decode(text)
    except (ValueError, RecursionError):
        raise ValueError("The line is not JSON.") from None
    if not isinstance(found, dict):
        raise ValueError("The line must be an object.")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON.")


# NaN and Infinity are no JSON.
_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode
