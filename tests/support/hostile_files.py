"""Small files that are made to cost much: each did, or is of a kind that did."""

import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass

CSV = "customer_id,date,amount\n"
SUMMARIES = "customerId,periodType,periodKey,converts,totalValue,lastContactAt\n"
GOOD = "c1,2026-01-02,1.50\n"
BLANKS = " " * 130_900
_VISIT = ",daily,2026-01-02,1,1,2026-01-02T00:00:00Z\n"
_ORDER = '{"customer_id": "a", "date": "2026-01-02", "amount": 1}\n'
_OPEN_ORDER = '{"customer_id":"a","date":"2026-01-02","amount":1,"x":['


@dataclass(frozen=True)
class Hostile:
    """A head, and a line again and again.

    :param line: with ``{n}`` for its number, if it is numbered
    """

    line: str
    count: int
    head: str = CSV
    kind: str = "csv"
    is_numbered: bool = False
    are_summaries: bool = False

    def packed(self) -> bytes:
        """The file as a gzip, which is made piece by piece."""
        data = io.BytesIO()
        with gzip.GzipFile(fileobj=data, mode="wb", compresslevel=6, mtime=0) as file:
            file.write(self.head.encode())
            for piece in self._pieces():
                file.write(piece)
        return data.getvalue()

    def _pieces(self) -> Iterator[bytes]:
        if self.is_numbered:
            before, after = (part.encode() for part in self.line.split("{n}"))
            yield from (b"%b%d%b" % (before, n, after) for n in range(self.count))
            return
        at_once = max(1, 65_536 // len(self.line))
        piece = self.line.encode() * at_once
        yield from (piece for _ in range(self.count // at_once))
        yield self.line.encode() * (self.count % at_once)


def _numbered(line: str, count: int, head: str = CSV, **options: object) -> Hostile:
    return Hostile(line, count, head, is_numbered=True, **options)  # type: ignore[arg-type]


def _ndjson(line: str, count: int, **options: object) -> Hostile:
    return Hostile(line, count, "", "ndjson", **options)  # type: ignore[arg-type]


def _columns(name: str, count: int) -> str:
    return ",".join(f"{name} {number}" for number in range(count)) + "\n"


HOSTILE = {
    # Memory: cells and caches.
    "ids with blanks": _numbered("c{n}" + BLANKS + ",2026-01-02,1\n", 4_000),
    "summaries' ids with blanks": _numbered(
        "c{n}" + BLANKS + _VISIT, 4_000, SUMMARIES, are_summaries=True
    ),
    "times with blanks": _numbered("c,{n} January 2020" + BLANKS + ",1\n", 4_000),
    "amounts with blanks": _numbered("c,2026-01-02,{n}" + BLANKS + "\n", 4_000),
    "dates with many digits": _numbered("c,01/02/" + "1" * 30_000 + "{n},1\n", 4_000),
    "long states": _numbered(
        "c,2026-01-02,1,s{n}" + "y" * 30_000 + "\n", 3_000, "Customer,Date,Total,Status\n"
    ),
    "long notes": _numbered("c{n},2026-01-02,1," + BLANKS + "\n", 4_000, f"{CSV[:-1]},notes\n"),
    "wide ids": _numbered("\U0001f600" * 80 + "{n},2026-01-02,1\n", 50_000),
    "ids in JSON with blanks": _ndjson(
        '{"customer_id": "c{n}' + BLANKS + '", "date": "2026-01-02", "amount": 1}\n',
        4_000,
        is_numbered=True,
    ),
    "long fields that are not used": _ndjson(
        '{"customer_id": "c{n}", "date": "2026-01-02", "amount": 1, "x": "'
        + "x" * 900_000
        + '"}\n',
        300,
        is_numbered=True,
    ),
    "many fields": _ndjson("{" + ",".join(f'"{number}":1' for number in range(80_000)) + "}\n", 20),
    "a field twice among many": _ndjson(
        "{" + ",".join(f'"{number}":1' for number in range(80_000)) + ',"79999":1}\n', 2
    ),
    "lists": _ndjson(_OPEN_ORDER + "[],{}," * 160_000 + "1]}\n", 40),
    "numbers": _ndjson(_OPEN_ORDER + "1e1," * 250_000 + "1]}\n", 40),
    # Time: bad lines.
    "brackets": _ndjson("[\n", 2_000_000),
    "brackets behind an order": Hostile("[\n", 2_000_000, _ORDER, "ndjson"),
    "deep braces": _ndjson('{"a":' * 60_000 + "\n", 200),
    "good and bad objects": _ndjson(_ORDER + "[\n", 40_000),
    "summaries of brackets": _ndjson("[\n", 2_000_000, are_summaries=True),
    "empty objects": Hostile("{}\n", 1_000_000, _ORDER, "ndjson"),
    "good and bad lines": Hostile(GOOD + "x\n", 200_000),
    "good and bad dates": Hostile(GOOD + "c1,x,1\n", 200_000),
    "good and bad summaries": Hostile(
        f"c{_VISIT}x,daily,x,1,1,x\n", 60_000, SUMMARIES, are_summaries=True
    ),
    "open quotes": Hostile('"x,2026-01-02,1\n', 200_000),
    "quotes with text behind": Hostile('"a"b,2026-01-02,1\n', 200_000),
    "a few quoted rows": Hostile('"c1",2026-01-02,1\n' + "c,2026-01-02,1\n" * 9, 30_000),
    # Time: lines of nothing.
    "empty lines": Hostile("\n", 8_000_000),
    "carriage returns": Hostile("\r", 8_000_000),
    "empty cells": Hostile(",,\n", 4_000_000),
    "commas": Hostile("," * 1_000_000 + "\n", 60),
    "one long line": Hostile("a", 60_000_000),
    # Time: columns.
    "many columns": Hostile(_columns("x", 2_000), 1_000, _columns("name", 2_000)),
    "many times": Hostile(
        ",".join(["2026-01-02"] * 2_000) + "\n", 300, _columns("order date", 2_000)
    ),
    "many customers": Hostile(
        ",".join(["c1"] * 2_000) + "\n",
        100,
        f"{_columns('customer id', 1_000)[:-1]},{_columns('user id', 1_000)}",
    ),
    # Time: parsers that tried each beginning of a long run.
    "blanks in a name": Hostile(GOOD, 9, f"a{BLANKS}b,date,amount\n"),
    "blanks in a cell": Hostile(f"a{BLANKS}b,1,1\n", 8),
    "points of an address": Hostile("a@" + "." * 120_000 + "@,x,x\n", 8),
    "blanks before a number": Hostile(
        "a,2026-01-02,-" + " " * 250 + "x\n", 200, "Kunde,Datum,Betrag\n"
    ),
    "letters in a date": Hostile("a," + "jan" * 80 + ",1\n", 200, "Kunde,Datum,Betrag\n"),
    # Time: what is read to the end before it is known.
    "open order of dates": Hostile("c1,01/02/2020,1.50\n", 300_000),
    "open decimals": Hostile('c1,2026-01-02,"1,234"\n', 300_000),
}
# An archive of nothing, again and again.
EMPTY_MEMBERS = gzip.compress(CSV.encode(), mtime=0) + gzip.compress(b"", mtime=0) * 200_000
