"""Files that are broken, or none of transactions: each way in says what is wrong with the file and
what would be right, stores nothing, and leaves no trace in the log but the usual line."""

import gzip
import html
import io
import logging
import zipfile
from collections.abc import Callable
from dataclasses import replace

import pytest

from app import create_app
from clv.files import transactions
from clv.files.kinds import WORKBOOK
from tests.api.pages import Visitor
from tests.api.transactions.support import HEADER, PLAIN, PREVIEW, URL, stored
from tests.conftest import ON_ONE_DATABASE
from tests.support.workbook import workbook

NOTES = "customer_id,date,amount,note\n"
SHEET = workbook([["customer_id", "date", "amount"], ["a", "2026-04-30", 1]])
OLD_WORKBOOK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
LONG = "x" * 1_300_000
ADVICE = "Send a CSV file or an .xlsx workbook."


def zipped(name: str, text: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr(name, text)
    return archive.getvalue()


def noise(size: int) -> bytes:
    """Bytes that are as good as random."""
    return bytes(n * n * 7919 % 65_537 % 256 for n in range(size))


# What can't be read at all: a refusal by the preview as well.
NO_TABLES = {
    "empty": ("", ["The file is empty."]),
    "blank lines": ("\n\r\n \n", ["The file is empty."]),
    "header without rows": (HEADER, ["no rows below the header in line 1"]),
    "header without an end": (HEADER.strip(), ["no rows below the header in line 1"]),
    "notes above a header without rows": (
        f"Orders of April\n\n{HEADER}",
        ["no rows below the header in line 3"],
    ),
    "prose": ("some words\nand some more\n", ["header"]),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", ["a PDF", ADVICE]),
    "zip": (zipped("orders.csv", PLAIN), ["a zip archive; send the file that is in it", ADVICE]),
    "Word": (zipped("word/document.xml", "<a/>"), ["a Word document", ADVICE]),
    "old workbook": (OLD_WORKBOOK, ["the old .xls kind", "save it as .xlsx"]),
    "UTF-16 little-endian": (PLAIN.encode("utf-16-le"), ["UTF-16 without", "encoding=utf-16-le"]),
    "UTF-16 big-endian": (PLAIN.encode("utf-16-be"), ["UTF-16 without", "encoding=utf-16-be"]),
    "HTML": ("<!DOCTYPE html>\n<html><table><tr><td>a", ["a web page (HTML)", ADVICE]),
    "JSON": ('[{"customer_id": "a", "date": "2026-04-30", "amount": 1}]', ["JSON", ADVICE]),
    "NUL alone": (bytes(5_000), ["no text", ADVICE]),
    "noise": (b"x" + noise(5_000), ["no text", ADVICE]),
    "gzip cut off": (gzip.compress((PLAIN * 99).encode())[:-40], ["gzip file is broken or ends"]),
    "gzip of noise": (b"\x1f\x8b broken", ["gzip file is broken or ends"]),
    "gzip with a wrong sum": (
        gzip.compress(PLAIN.encode())[:-8] + b"12345678",
        ["gzip file is broken"],
    ),
    "gzipped twice": (gzip.compress(gzip.compress(PLAIN.encode())), ["gzipped twice; unpack"]),
    "workbook cut off": (SHEET[: len(SHEET) // 2], ["The workbook is broken or incomplete."]),
    "workbook of noise": (b"PK\x03\x04" + noise(500), ["The workbook is broken or incomplete."]),
    "10,000 columns": (
        f"{HEADER.strip()},{','.join(f'more of {n}' for n in range(10_000))}\na,2026-04-30,1\n",
        ["names 10,003 columns", "at most 2,000"],
    ),
    "10,000 fields": (
        '{"customer_id": "a", "date": "2026-04-30", "amount": 1, '
        + ", ".join(f'"f{n}": 1' for n in range(10_000))
        + "}\n",
        ["10,003 fields", "at most 2,000"],
    ),
    "a long name": (
        f"{HEADER.strip()},{LONG[:90_000]}\na,2026-04-30,1,x\n",
        ["a name of 90,000 characters, 'xxxx", "at most 500"],
    ),
    "a quote in the header": (
        f'customer_id,date,amount,"note\n{"a,2026-04-30,1,x" * 99}\n"\nb,2026-04-30,1,\n',
        ["No line names the columns: line 1 is", '"note'],
    ),
    "a column twice": (
        "customer_id,date,amount,Amount\na,2026-04-30,1,2\n",
        ['2 columns "amount"', "a name of its own"],
    ),
}
# Lines that can't be read, with the first of them: a refusal that names it, or a bad line.
BAD_LINES = {
    "unclosed at the end": (f'{PLAIN}c,"2026-04-30,1\n', 5, "quote"),
    "unclosed where nobody looks": (f'{NOTES}a,2026-04-30,1,"x\n', 2, "quote"),
    "closed two rows on": (
        f'{HEADER}a,2026-04-30,"1\nb,2026-04-30,2\nc,2026-04-30,"3\n',
        2,
        "begins in line 2 ends within a cell of line 4",
    ),
    "closed two rows on, cleanly": (
        f'{HEADER}"a,2026-04-30,1\nb,2026-04-30,2\nc",2026-04-30,3\n',
        2,
        "swallows line 3",
    ),
    "closed two rows on where nobody looks": (
        f'{NOTES}a,2026-04-30,1,"x\nb,2026-04-30,2,y\nc,2026-04-30,3,z"\nd,2026-04-30,4,\n',
        2,
        "swallows line 3",
    ),
    "surplus cells": (f"{PLAIN}c,2026-04-30,1,2,3\n", 5, "5 cells, but the header names 3"),
    "decimal comma": (f"{HEADER}c,2026-04-30,12,50\n", 2, "4 cells, but the header names 3"),
    "missing cells": (f"{HEADER}a,2026-04-30,1\nb,2026-04-30", 3, "2 cells, but the header names"),
    "NUL": (f"{PLAIN}c\0d,2026-04-30,1\n", 5, "NUL"),
    "NUL where nobody looks": (f"{NOTES}a,2026-04-30,1,x\0\n", 2, "NUL"),
    "long customer": (f"{HEADER}{LONG[:90_000]},2026-04-30,1\n", 2, "at most 32,768"),
    "long amount": (f"{HEADER}a,2026-04-30,{'1' * 90_000}\n", 2, "at most 32,768"),
    "row of more than 1 MiB": (f"{PLAIN}{LONG},2026-04-30,1\n", 5, "more than 1,048,576"),
    "notes of more than 1 MiB": (f"{NOTES}a,2026-04-30,1,\n" + f"b,2026-04-30,1,{LONG}\n" * 3, 3,
        "more than 1,048,576"),
}  # fmt: skip


@pytest.fixture
def ways(app, client, headers, put, preview, tmp_path) -> Callable[[str | bytes], list]:
    """Send a file every way there is; status and text of the answers: of both loads, of the
    command's, of both previews, and of the command's."""

    def send(body: str | bytes) -> list[tuple[int, str]]:
        data = body.encode() if isinstance(body, str) else body
        kind = "application/x-ndjson" if data[:2] == b'{"' else "text/csv"
        visitor = Visitor(app, headers("editor"))
        path = tmp_path / ("orders.ndjson" if "json" in kind else "orders.csv")
        path.write_bytes(data)

        def command(*options: str) -> tuple[int, str]:
            args = ["import", str(path), "--tenant", "acme", *options]
            done = app.test_cli_runner().invoke(args=args)
            assert done.exception is None or isinstance(done.exception, SystemExit)
            return (400, done.output) if done.exit_code == 1 else (200, done.output)

        answers = [
            put(data, kind=kind),
            visitor.put("/data/transactions", data, kind),
            preview(data, kind=kind),
            visitor.preview("", data, kind),
        ]
        texts = [(a.status_code, a.json["message"] if a.json and "message" in a.json else a.text)
                 for a in answers]  # fmt: skip
        texts = [(status, html.unescape(text)) for status, text in texts]
        return [*texts[:2], command(), *texts[2:], command("--preview")]

    return send


@pytest.fixture
def quiet(caplog):
    """Nothing but usual lines is logged."""
    caplog.set_level(logging.INFO)
    yield
    unusual = [one for one in caplog.records if one.levelno > logging.INFO or one.exc_info]
    assert unusual == []


@ON_ONE_DATABASE
@pytest.mark.parametrize("name", NO_TABLES)
def test_what_is_no_table_is_told_what_it_is(name, ways, quiet):
    body, words = NO_TABLES[name]
    for status, text in ways(body):
        assert status == 400, text
        assert all(word in text for word in words), text
        assert "Traceback" not in text
    assert stored() == []


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_line_that_can_not_be_read_keeps_the_file_out_and_is_named(name, ways, quiet):
    body, line, words = BAD_LINES[name]
    answers = ways(body)
    for status, text in answers[:3]:
        assert status == 400, text
        assert words in text and "nothing was loaded" in text
        assert f"line {line}" in text or f"lines {line}," in text
        assert len(text) < 3_000
    for status, text in answers[3:]:
        assert (status, words in text) == (200, True), text[:3_000]
        assert len(text) < 30_000
    assert stored() == []


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    "body",
    [
        f"{HEADER}{LONG[:1_000_000]},2026-04-30,1\n",
        f"{HEADER}a,{LONG[:1_000_000]},1\n",
        f"{HEADER}a,2026-04-30,{LONG[:1_000_000]}\n",
        f"{HEADER.strip()},{LONG[:1_000_000]}\na,2026-04-30,1,\n",
        f"{LONG[:1_000_000]}\n",
    ],
    ids=["customer", "time", "amount", "name", "header"],
)
def test_of_a_cell_of_1_mb_the_beginning_is_shown(put, body, quiet):
    answer = put(body)
    assert answer.status_code == 400
    assert 20 < len(answer.text) < 1_000
    assert stored() == []


def test_what_stands_where_nobody_looks_is_no_trouble(put, preview):
    row = f"{LONG[:1_000_000]}\n"
    for body in (
        f"{NOTES}a,2026-04-30,1,{row}b,2026-04-30,2,{row}",
        "customer_id,date,amount,note,note\na,2026-04-30,1,x,y\nb,2026-04-30,2,x,y\n",
    ):
        assert preview(body).json["total"] == 3
        assert put(body).status_code == 200
        assert [(row[0], row[4]) for row in stored()] == [("a", 10_000), ("b", 20_000)]


def test_orders_with_long_numbers_are_told_apart(put):
    rows = "".join(f"{LONG[:9_000]}{n % 2},c{n % 2},2026-04-30,{n}\n" for n in range(1, 5))
    assert put(f"Order,Customer,Date,Total\n{rows}", {"orderLines": "sum"}).status_code == 200
    assert [(row[0], row[2], row[4]) for row in stored()] == [("c0", 1, 60_000), ("c1", 1, 40_000)]


@ON_ONE_DATABASE
def test_as_many_columns_as_there_may_be_are_read(put):
    names = ",".join(f"more of {n}" for n in range(transactions.MAX_COLUMNS - 3))
    assert put(f"{HEADER.strip()},{names}\na,2026-04-30,1\n").status_code == 200


@ON_ONE_DATABASE
@pytest.mark.parametrize("kind", ["gzip", "workbook", "gzipped workbook"])
def test_what_inflates_too_far_is_refused_every_way(settings, app, headers, kind, quiet):
    rows = 200_000
    body = gzip.compress((HEADER + "a,2026-04-30,1\n" * rows).encode())
    if kind != "gzip":
        body = workbook([["customer_id", "date", "amount"]] + [["a", "2026-04-30", 1]] * 20_000)
    if kind == "gzipped workbook":
        body = gzip.compress(body)
    narrow = create_app(replace(settings, max_inflated_mb=1))
    client, visitor = narrow.test_client(), Visitor(narrow, headers("editor"))
    more = {"data": body, "content_type": "text/csv", "headers": headers("editor")}
    answers = [
        client.put(URL, **more),
        client.post(PREVIEW, **more),
        visitor.put("/data/transactions", body),
        visitor.preview("", body),
        visitor.send("POST", "/data/removal", body, "text/csv"),
    ]
    for answer in answers:
        assert answer.status_code == 413, answer.text
        assert "inflates to more than 1048576 bytes" in answer.text
    assert stored() == []


@ON_ONE_DATABASE
def test_a_broken_workbook_is_said_to_be_one_under_its_own_type(put, preview, quiet):
    for body in (SHEET[:-30], SHEET[: len(SHEET) // 2], b"PK\x03\x04junk"):
        for send in (put, preview):
            answer = send(body, kind=WORKBOOK)
            assert answer.status_code == 400
            assert answer.json["message"] == "The workbook is broken or incomplete."
    assert stored() == []
