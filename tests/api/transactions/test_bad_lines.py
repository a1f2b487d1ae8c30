"""Lines that can't be read, and files that are none of transactions."""

import io
import zipfile

import pytest

from tests.api.transactions.support import HEADER, PLAIN, stored


def test_a_skipped_line_keeps_its_customers_day_as_it_was(put):
    put(f"{HEADER}a,2026-04-01,80\na,2026-04-02,7\nb,2026-04-01,5\n")
    answer = put(
        f"{HEADER}a,2026-04-01,1\na,2026-04-01,x\na,2026-04-02,8\nb,2026-04-01,6\n",
        {"skipBadLines": "true"},
    )
    assert answer.status_code == 200, answer.text
    assert (answer.json["rejected"], answer.json["daysKept"]) == (1, 1)
    assert answer.json["reasons"][0]["lines"] == [3]
    assert [(row[0], row[1], row[4]) for row in stored()] == [
        ("a", "2026-04-01", 800_000),
        ("a", "2026-04-02", 80_000),
        ("b", "2026-04-01", 60_000),
    ]


def test_a_refusal_counts_the_bad_lines_by_reason_and_names_the_first(put):
    bad = "".join(f"a,2026-04-{day:02},x\n" for day in range(1, 8)) + "b,yesterday,1\n"
    answer = put(f"{PLAIN}{bad}")
    assert answer.status_code == 400
    message = answer.json["message"]
    assert message.startswith("8 bad lines; nothing was loaded. 7 × ")
    assert "5, 6, 7, 8, 9, …" in message and "1 × " in message and "line 12" in message
    assert "'x'" in message and "'yesterday'" in message
    assert len(answer.json["errors"]["body"]) == 8
    assert stored() == []


def zipped(text: str) -> bytes:
    """A zip archive with a file in it."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("orders.csv", text)
    return archive.getvalue()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "empty"),
        (HEADER, "There are no rows below the header in line 1."),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "PDF"),
        (zipped(PLAIN), "zip"),
        (f'{PLAIN}c,"2026-04-30,1\n', "quote"),
        (f'{HEADER}a,2026-04-30,"1\nb,2026-04-30,2\nc,2026-04-30,"3\n', "bad line"),
        (f"{PLAIN}c,2026-04-30,1,2,3\n", "1 bad line"),
        (f"{PLAIN}c\0d,2026-04-30,1\n", "1 bad line"),
        ("some words\nand some more\n", "header"),
    ],
    ids=["empty", "header", "pdf", "zip", "unclosed", "swallowing", "surplus", "nul", "prose"],
)
def test_what_is_broken_is_refused_and_said(put, preview, body, says):
    answer = put(body)
    assert answer.status_code == 400, answer.text
    assert says in answer.json["message"]
    assert preview(body).status_code in (200, 400)
    assert stored() == []
