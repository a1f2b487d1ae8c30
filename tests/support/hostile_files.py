"""Small files that once cost much, and what one costs: ``python -m tests.support.hostile_files``.

Each is gzipped while it is made, so that making it takes no memory.
"""

import gzip
import io
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from clv import db
from clv.config import Settings
from clv.errors import ClvError
from clv.files.choices import Choices
from clv.files.stream import File
from clv.services import loading
from clv.services.loading import Options
from clv.store import tenants

MIB = 1024 * 1024
CSV = b"customer_id,date,amount\n"
SUMMARIES = b"customerId,periodType,periodKey,converts,totalValue,lastContactAt\n"
# (kind, is a file of summaries, pieces)
Hostile = tuple[str, bool, Callable[[], Iterator[bytes]]]


def _again(piece: bytes, count: int, head: bytes = CSV) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        yield head
        whole, rest = divmod(count, 1_000)
        for _ in range(whole):
            yield piece * 1_000
        yield piece * rest

    return pieces


def _numbered(line: str, count: int, head: bytes = CSV) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        yield head
        for number in range(count):
            yield line.format(number, n=number).encode()

    return pieces


GOOD = b"c1,2026-01-02,1.50\n"
BLANKS = " " * 130_900
JSON_GOOD = b'{"customer_id": "a", "date": "2026-01-02", "amount": 1}\n'
FILES: dict[str, Hostile] = {
    # Row 2 and its like.
    "ids with blanks": ("csv", False, _numbered("c{}" + BLANKS + ",2026-01-02,1\n", 4_000)),
    "summary ids with blanks": (
        "csv",
        True,
        _numbered(
            "c{}" + BLANKS + ",daily,2026-01-02,1,1,2026-01-02T00:00:00Z\n", 4_000, SUMMARIES
        ),
    ),
    "summary keys with blanks": (
        "csv",
        True,
        _numbered(
            "c,daily,2026-01-02" + BLANKS + "{},1,1,2026-01-02T00:00:00Z\n", 4_000, SUMMARIES
        ),
    ),
    "times with blanks": ("csv", False, _numbered("c,2026-01-02" + BLANKS + ",1\n", 4_000)),
    "different times with blanks": (
        "csv",
        False,
        _numbered("c,{} January 2020" + BLANKS + ",1\n", 4_000),
    ),
    "amounts with blanks": ("csv", False, _numbered("c,2026-01-02,{}" + BLANKS + "\n", 4_000)),
    "dates with digits": ("csv", False, _numbered("c,01/02/" + "1" * 60_000 + "{},1\n", 4_000)),
    "long states": (
        "csv",
        False,
        _numbered(
            "c{},2026-01-02,1,EUR,s{}".format("{n}", "{n}") + "y" * 130_000 + "\n",
            3_000,
            b"customer_id,date,amount,currency,status\n",
        ),
    ),
    "many states": (
        "csv",
        False,
        _numbered(
            "c{n},2026-01-02,1,EUR,s{n}" + "y" * 300 + "\n",
            60_000,
            b"Customer,Order date,Total,Currency,Order status\n"
            + b"c1,2026-01-02,1,EUR,paid\n" * 300,
        ),
    ),
    "long currencies": (
        "csv",
        False,
        _numbered(
            "c{n},2026-01-02,1,EUR" + BLANKS + "\n",
            3_000,
            b"Customer,Order date,Total,Currency\n" + b"c1,2026-01-02,1,EUR\n" * 300,
        ),
    ),
    "different wide ids": (
        "csv",
        False,
        _numbered("\U0001f600" * 80 + "{},2026-01-02,1\n", 70_000),
    ),
    "ndjson ids with blanks": (
        "ndjson",
        False,
        _numbered(
            '{{"customer_id": "c{}' + BLANKS + '", "date": "2026-01-02", "amount": 1}}\n',
            4_000,
            b"",
        ),
    ),
    "ndjson unused long fields": (
        "ndjson",
        False,
        _numbered(
            '{{"customer_id": "c{}", "date": "2026-01-02", "amount": 1, "x": "'
            + "x" * 900_000
            + '"}}\n',
            400,
            b"",
        ),
    ),
    "ndjson many fields": (
        "ndjson",
        False,
        lambda: (
            b'{"customer_id":"a","date":"2026-01-02","amount":1'
            + b"".join(b',"%d_%d":1' % (line, n) for n in range(60_000))
            + b"}\n"
            for line in range(150)
        ),
    ),
    "ndjson nested": (
        "ndjson",
        False,
        _again(
            b'{"customer_id":"a","date":"2026-01-02","amount":1,"x":'
            + b"[" * 900
            + b"]" * 900
            + b"}\n",
            5_000,
            b"",
        ),
    ),
    "ndjson lists": (
        "ndjson",
        False,
        _again(
            b'{"customer_id":"a","date":"2026-01-02","amount":1,"x":['
            + b"[],{}," * 160_000
            + b"1]}\n",
            60,
            b"",
        ),
    ),
    "ndjson floats": (
        "ndjson",
        False,
        _again(
            b'{"customer_id":"a","date":"2026-01-02","amount":1,"x":['
            + b"1e1," * 250_000
            + b"1]}\n",
            60,
            b"",
        ),
    ),
    "ndjson long number": (
        "ndjson",
        True,
        _again(b'{"customerId":"a","converts":' + b"9" * 900_000 + b"}\n", 60, b""),
    ),
    # Row 3 and its like.
    "ndjson brackets": ("ndjson", False, _again(b"[\n", 2_000_000, b"")),
    "ndjson many brackets": ("ndjson", False, _again(b"[" * 60_000 + b"\n", 200, b"")),
    "ndjson braces": ("ndjson", False, _again(b'{"a":' * 60_000 + b"\n", 200, b"")),
    "ndjson alternating": ("ndjson", False, _again(JSON_GOOD + b"[\n", 40_000, b"")),
    "summaries brackets": ("ndjson", True, _again(b"[\n", 2_000_000, b"")),
    "ndjson empty objects": ("ndjson", False, _again(b"{}\n", 1_000_000, JSON_GOOD)),
    "alternating": ("csv", False, _again(GOOD + b"x\n", 200_000)),
    "alternating values": ("csv", False, _again(GOOD + b"c1,x,1\n", 200_000)),
    "alternating summaries": (
        "csv",
        True,
        _again(
            b"c,daily,2026-01-02,1,1,2026-01-02T00:00:00Z\nx,daily,x,1,1,x\n", 60_000, SUMMARIES
        ),
    ),
    "open quotes": ("csv", False, _again(b'"x,2026-01-02,1\n', 200_000)),
    "open quotes in few lines": ("csv", False, _again(GOOD * 300 + b'"x,2026-01-02,1\n', 1_000)),
    "quotes in quotes": ("csv", False, _again(b'"a"b,2026-01-02,1\n', 200_000)),
    "quoted lines": ("csv", False, _again(b'"a\nb\nc\n",2026-01-02,1\n', 100_000)),
    "few quotes": ("csv", False, _again(b'a,"",\n' + b",,\n" * 9, 60_000)),
    "few quoted rows": (
        "csv",
        False,
        _again(b'"c1",2026-01-02,1\n' + b"c,2026-01-02,1\n" * 9, 30_000),
    ),
    "empty lines": ("csv", False, _again(b"\n", 8_000_000)),
    "empty lines of blanks": ("csv", False, _again(b" " * 1_000 + b"\n", 30_000)),
    "carriage returns": ("csv", False, _again(b"\r", 8_000_000)),
    "empty cells": ("csv", False, _again(b",,\n", 4_000_000)),
    "nul lines": ("csv", False, _again(b"\0\n", 2_000_000)),
    "commas": ("csv", False, _again(b"," * 1_000_000 + b"\n", 100)),
    "surrogates": ("csv", False, _again(b"\xff\xfe\xfd,2026-01-02,1\n", 200_000, CSV)),
    "windows lines": ("csv", False, _again(b"\xe4\xf6\xfc\xc3\xa4,2026-01-02,1\n", 200_000, CSV)),
    "many columns": (
        "csv",
        False,
        _again(
            b",".join(b"%d" % n for n in range(2_000)) + b"\n",
            3_000,
            b",".join(b"name %d" % n for n in range(2_000)) + b"\n",
        ),
    ),
    "many empty columns": (
        "csv",
        False,
        _again(
            b"c,2026-01-02,1" + b"," * 1_997 + b"\n",
            8_000,
            CSV[:-1] + b"".join(b",name %d" % n for n in range(1_997)) + b"\n",
        ),
    ),
    "many unknown columns": (
        "csv",
        False,
        _again(
            b",".join([b"2026-01-02"] * 2_000) + b"\n",
            500,
            b",".join(b"order date %d" % n for n in range(2_000)) + b"\n",
        ),
    ),
    "many customer columns": (
        "csv",
        False,
        _numbered(
            ",".join(["c{n}"] * 1_000 + ["user{n}"] * 1_000) + "\n",
            60,
            b",".join(b"customer id %d" % n for n in range(1_000))
            + b"".join(b",user id %d" % n for n in range(1_000))
            + b"\n",
        ),
    ),
    "many order columns": (
        "csv",
        False,
        _numbered(
            ",".join(["c{n}"] * 2_000) + "\n",
            60,
            b",".join(b"order id %d" % n for n in range(2_000)) + b"\n",
        ),
    ),
    "too many columns": (
        "csv",
        False,
        _again(
            b",".join(b"%d" % n for n in range(100_000)) + b"\n",
            30,
            b",".join(b"name %d" % n for n in range(100_000)) + b"\n",
        ),
    ),
    # Quadratic parsers.
    "header of blanks": (
        "csv",
        False,
        _again(GOOD, 10, b"a" + b" " * 120_000 + b"b,date,amount\n"),
    ),
    "blanks in the head": ("csv", False, _again(b"a" + b" " * 120_000 + b"b,1,1\n", 10)),
    "tabs in the header": (
        "csv",
        False,
        _again(GOOD, 10, b"a" + b"\t" * 120_000 + b"b,date,amount\n"),
    ),
    "dots of an address": ("csv", False, _again(b"a@" + b"." * 120_000 + b"@,x,x\n", 8)),
    "dots in a column": (
        "csv",
        False,
        _again(
            b"a@" + b"a." * 60_000 + b" x,2026-01-02,1\n",
            8,
            b"customer,e-mail,amount\n" + b"a,b@example.com,1\n",
        ),
    ),
    "numbers of blanks": (
        "csv",
        False,
        _again(b"a,2026-01-02,1" + b" " * 50_000 + b"xxxxxxxxxxxxx\n", 8, b"Kunde,Datum,Betrag\n"),
    ),
    "dates of letters": (
        "csv",
        False,
        _again(b"a," + b"a" * 100_000 + b",1\n", 8, b"Kunde,Datum,Betrag\n"),
    ),
    "dates of months": (
        "csv",
        False,
        _again(b"a," + b"jan" * 40_000 + b",1\n", 8, b"Kunde,Datum,Betrag\n"),
    ),
    "names of words": (
        "csv",
        False,
        _again(b"a" + b" a" * 60_000 + b"1,2026-01-02,1\n", 8, b"customer,date,amount\n"),
    ),
    "names of dots": (
        "csv",
        False,
        _again(b"a" + b".a" * 60_000 + b"1,2026-01-02,1\n", 8, b"customer,date,amount\n"),
    ),
    "footer words": ("csv", False, _again(b"." * 1_000_000 + b",,\n", 3, CSV + GOOD * 10)),
    "open order of dates": ("csv", False, _again(b"c1,01/02/2020,1.50\n", 600_000)),
    "open decimals": ("csv", False, _again(b'c1,2026-01-02,"1,234"\n', 600_000)),
    "different open dates": (
        "csv",
        False,
        lambda: iter(
            [
                CSV,
                *(
                    b"c%d,%02d/%02d/%d,1.50\n"
                    % (n, n % 12 + 1, n // 12 % 12 + 1, 1970 + n // 144 % 50)
                    for n in range(100_000)
                ),
            ]
        ),
    ),
    "different zones": ("csv", False, _numbered("c{n},2026-01-02 10:00:00 Z{n},1\n", 50_000, CSV)),
    "different bad codes": (
        "csv",
        False,
        _numbered("c{n},2026-01-02,1,X{n}\n", 50_000, b"customer,date,amount,currency\n"),
    ),
    "distinct reasons": ("csv", False, _numbered("c{n},x'{n}\"{n},1\n", 100_000)),
    # Bytes.
    "gzip of zeros": ("csv", False, _again(b"\0" * 1_000, 100_000, b"")),
    "long line": ("csv", False, _again(b"a" * 1_000, 60_000)),
    "gzip of good lines": ("csv", False, _again(GOOD, 1_000_000)),
}


def packed(name: str) -> bytes:
    """A file as it is sent."""
    if name == "gzip members":
        return gzip.compress(CSV) + gzip.compress(b"") * 200_000
    data = io.BytesIO()
    with gzip.GzipFile(fileobj=data, mode="wb", compresslevel=6, mtime=0) as file:
        for piece in FILES[name][2]():
            file.write(piece)
    return data.getvalue()


def cost(name: str, action: str) -> dict[str, object]:
    """What it costs this process to load or preview a file."""
    data = packed(name)
    kind, are_summaries, _ = FILES.get(name, ("csv", False, None))
    with tempfile.TemporaryDirectory() as folder:
        db.configure(Settings(database_url=f"sqlite:///{Path(folder) / 'clv.db'}"))
        with db.scope():
            db.migrate()
            tenant = tenants.create_tenant("acme")
            loading.preview_transactions(tenant, File(io.BytesIO(CSV + GOOD * 9)), Choices())
            before = _peak_of_now()
            started, error = time.thread_time(), ""
            file = File(_Unseekable(data), kind, 2_048 * MIB)
            try:
                if are_summaries:
                    loading.load_summaries(tenant, file, Options(action == "skip"))
                elif action == "preview":
                    loading.preview_transactions(tenant, file, Choices())
                else:
                    loading.load_transactions(tenant, file, Choices(), Options(action == "skip"))
            except ClvError as refused:
                error = refused.message
            seconds = time.thread_time() - started
            return {
                "name": name,
                "action": action,
                "bytes": len(data),
                "seconds": round(seconds, 2),
                "mib": round((_peak() - before) / MIB, 1),
                "error": error[:300],
            }


class _Unseekable(io.RawIOBase):
    """A stream as from a network."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        return self._data.readinto(buffer)


def _peak_of_now() -> int:
    # Linux forgets the peak so far.
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (3_000 * MIB, 3_000 * MIB))
    print(json.dumps(cost(*sys.argv[1:])))
