"""Reads NDJSON: one JSON object per line."""

import io
from functools import partial
from itertools import islice
from typing import Any

from clv.budgets import MAX_LINE
from clv.files.blocks import BLOCK_ROWS, BLOCK_SIZE, Block
from clv.files.json_lines import object_decoder
from clv.files.names import shown, spellings
from clv.files.summaries.layout import MISSING, SummaryLayout, named


class NdjsonReader:
    """Reads the rows of an NDJSON file in blocks; after an invalid line reading goes on.

    ``line`` is the number of the last line read.
    """

    def __init__(self, text: io.TextIOWrapper, layout: SummaryLayout) -> None:
        self.line = 0
        self._lines = iter(partial(text.readline, MAX_LINE), "")
        self._layout = layout
        # What is wrong with the last line read; raised by the next read().
        self._problem: str | None = None
        self._indexes = {
            name: index
            for index, column in enumerate(layout.columns)
            for name in spellings(column.name)
        }

    def read(self) -> Block | None:
        """The next rows; None at the end.

        :raises ValueError: at a line that is not an object, or has an unknown field
        """
        if self._problem:
            problem, self._problem = self._problem, None
            raise ValueError(problem)
        lines, rows, size = [], [], 0
        for text in islice(self._lines, BLOCK_ROWS):
            self.line += 1
            size += len(text)
            try:
                if text.strip():
                    rows.append(self._row(text))
                    lines.append(self.line)
            except ValueError as error:
                self._problem = str(error)
            if self._problem or size > BLOCK_SIZE:
                break
        return Block(lines, list(zip(*rows, strict=True))) if size else None

    def values(self, block: Block) -> list[list]:
        """The stored values of a block, by column of the layout.

        :raises ValueError: if one is invalid; for a block of one row the message says which and why
        """
        return [
            named(column.name, list, map(column.json_value, values))
            for column, values in zip(self._layout.columns, block.cells, strict=True)
        ]

    def _row(self, text: str) -> list[Any]:
        """The JSON values of a line in the order of the layout's columns."""
        row = [MISSING] * len(self._layout.columns)
        for name, value in _object(text).items():
            index = self._indexes.get(name)
            if index is None:
                raise ValueError(f"{shown(name)}: Unknown field.")
            if row[index] is not MISSING:
                raise ValueError(f"{self._layout.columns[index].name}: Is given twice.")
            row[index] = value
        return row


_object = object_decoder()
