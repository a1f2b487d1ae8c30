"""Reads files of interaction summaries in constant memory: CSV or NDJSON, gzipped or not.

A file is read in blocks (:mod:`clv.files.summaries.csv_reader`,
:mod:`clv.files.summaries.ndjson_reader`). Which parser takes which column is in
:mod:`clv.files.summaries.layout`.
"""

import io
import time
from collections.abc import Iterator
from itertools import chain, islice

from clv.db import Columns
from clv.domain import calendar
from clv.domain.time_zone import UTC_ZONE, TimeZone
from clv.files.blocks import Block
from clv.files.stream import File, buffered, inflated
from clv.files.summaries.csv_reader import CsvReader
from clv.files.summaries.layout import SummaryLayout
from clv.files.summaries.ndjson_reader import NdjsonReader
from clv.files.tally import Rejected

# A block with an invalid row is checked again in this many parts, and so is each part with one.
PARTS = 16
RowReader = CsvReader | NdjsonReader
ROW_READERS: dict[str, type[RowReader]] = {"csv": CsvReader, "ndjson": NdjsonReader}


def read_summaries(
    file: File, rejected: Rejected, zone: TimeZone = UTC_ZONE
) -> tuple[str | None, Iterator[Columns]]:
    """The interaction summaries of a file: their period type, and some rows at a time, as columns.

    The columns are those of ``clv.files.summaries.layout.SummaryLayout.staged``. The period type is
    None without any rows. Invalid lines are added to ``rejected``.

    :param zone: in which the periods begin
    :raises Invalid: if the header of a CSV lacks a required column or has an unknown one; if rows
        differ in their period type; if the gzip is broken
    :raises TooLarge: if the gzip inflates to more than it may
    """
    layout = SummaryLayout(_latest_ms(), zone)
    blocks = _read(file, layout, rejected)
    first = list(islice(blocks, 1))
    return layout.period_type, chain(first, blocks)


def _latest_ms() -> int:
    # The clock is read once: no row is newer than the request that brings it.
    return calendar.latest_ms(time.time())


def _read(file: File, layout: SummaryLayout, rejected: Rejected) -> Iterator[Columns]:
    data = inflated(buffered(file.stream), file)
    # Bytes that are not UTF-8 become lone surrogates, which the checks of values refuse.
    text = io.TextIOWrapper(data, "utf-8-sig", "surrogateescape", newline="")
    try:
        reader = ROW_READERS[file.kind](text, layout)
        for block in _blocks(reader, rejected):
            file.effort.check()
            yield from _valid_rows(block, reader, layout, rejected)
    finally:
        # Closing the wrapper would close the caller's stream.
        text.detach()


def _blocks(reader: RowReader, rejected: Rejected) -> Iterator[Block]:
    while True:
        try:
            block = reader.read()
        except ValueError as error:
            rejected.add(reader.line, str(error))
            continue
        if block is None:
            return
        yield block


def _valid_rows(
    block: Block, reader: RowReader, layout: SummaryLayout, rejected: Rejected
) -> Iterator[Columns]:
    """The valid rows of a block as they are staged."""
    if not block:
        return
    try:
        staged = layout.staged(block.lines, reader.values(block))
    except ValueError as error:
        if len(block) == 1:
            rejected.add(block.lines[0], str(error))
            return
        for part in block.parts(max(1, len(block) // PARTS)):
            yield from _valid_rows(part, reader, layout, rejected)
    else:
        yield staged
