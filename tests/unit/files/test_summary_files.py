"""Files of interaction summaries: CSV and NDJSON."""

import gzip
import io
import json
import tracemalloc
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.errors import Invalid
from clv.files.blocks import BLOCK_ROWS, BLOCK_SIZE
from clv.files.stream import File
from clv.files.summaries import csv_reader
from clv.files.summaries.reader import read_summaries
from clv.files.tables import selection
from clv.files.tally import Rejected

DAY = 86_400_000
COLUMNS = "customerId,periodType,periodKey,offerId,impressions,totalValue,lastContactAt\n"
ROW = "a,daily,1970-01-02,,1,1.5,1970-01-02\n"
CELLS = [
    *(
        ["a", " b ", "", "a/b", '"c,c"', '"d\n d"'],
        ["daily"],
        ["1970-01-02", "1970-01", " 1970-01-03"],
    ),
    *(["", "o", "\t"], ["", "3", " 4", "-1", "x"], ["", "1.5", "1e2", "?"]),
    ["1970-01-02", "1970-01-02T01:00:00Z", "1970-01-02 02:00:00.500Z ", "1970-01-02T01:00", ""],
]
LINES = st.tuples(*map(st.sampled_from, CELLS)).map(",".join) | st.sampled_from(
    ["", "a,daily", ","]
)


def summaries(data, kind="csv", most=100):
    """The period type and the summaries of a file, and what was rejected."""
    content = data.encode() if isinstance(data, str) else data
    rejected = Rejected(most)
    period_type, chunks = read_summaries(File(io.BytesIO(content), kind), rejected)
    rows = [row for chunk in chunks for row in zip(*chunk, strict=True)]
    return period_type, rows, rejected


def refused(data):
    with pytest.raises(Invalid) as raised:
        summaries(data)
    return raised.value.message


def packed():
    lines = "".join(f"c{n},daily,1970-01-02,,1,{n * 7919 % 997},1970-01-02\n" for n in range(3000))
    return bytearray(gzip.compress((COLUMNS + lines).encode(), mtime=0))


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("last", ["", "\n"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_line_ends_a_byte_order_mark_and_gzip_do_not_matter(newline, mark, last, pack):
    text = f"{mark}{COLUMNS}ä,daily,1970-01-02,,,1,1970-01-02\n{ROW.strip()}{last}"
    _, rows, rejected = summaries(pack(text.replace("\n", newline).encode()))
    assert [row[0] for row in rows] == ["ä", "a"]
    assert rejected.count == 0


def test_a_file_may_consist_of_several_gzips():
    _, rows, _ = summaries(gzip.compress(COLUMNS.encode()) + gzip.compress(ROW.encode()))
    assert [row[0] for row in rows] == ["a"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a,daily", "The line has 2 cells, but the header names 7 columns."),
        (f"{ROW.strip()},50", "The line has 8 cells, but the header names 7 columns."),
        (f'"{ROW.strip()}', "A quote that begins in this line is not closed."),
        (f"/{ROW.strip()}", "customerId: Must not contain '/'."),
        (ROW.strip().replace("1.5", "1e13"), "totalValue: Must be a number from -1000000000000"),
        (ROW.strip()[:-2] + "32", "lastContactAt: Must be a real date and time."),
        (ROW.strip()[:-10] + "2999-01-01", "lastContactAt: Must not be in the future."),
    ],
)
def test_a_bad_line_is_rejected_with_its_number_and_reason(line, reason):
    _, rows, rejected = summaries(f"{COLUMNS}{ROW}{line}\n{ROW}")
    assert len(rows) == 2
    assert [number for number, _ in rejected.first] == [3]
    assert rejected.first[0][1].startswith(reason)


def test_lines_that_are_not_utf_8_are_rejected():
    _, rows, rejected = summaries(COLUMNS.encode() + b"caf\xe9" + (ROW + ROW).encode())
    assert len(rows) == 1
    assert [line for line, _ in rejected.first] == [2]


def test_only_the_first_100_bad_lines_are_kept_and_all_are_counted():
    _, rows, rejected = summaries(COLUMNS + ROW.replace("1.5", "?") * 250 + ROW, most=250)
    assert (len(rows), rejected.count) == (1, 250)
    assert [line for line, _ in rejected.first] == list(range(2, 102))


def test_a_missing_and_an_unknown_column_are_named():
    assert refused("customerId,periodType\n").endswith(
        "there is no periodKey, lastContactAt in it."
    )
    assert "names 'note', which is no column" in refused(COLUMNS.strip() + ",note\n")


@pytest.mark.parametrize("data", [b"", b"\n", b"PK\x03\x04\0", b"x" * 200_000])
def test_a_file_without_the_columns_is_refused_with_their_names(data):
    assert "there is no customerId, periodType, periodKey, lastContactAt in it" in refused(data)


@pytest.mark.parametrize("behind", [b"", b"x"])
def test_a_gzip_that_ends_too_early_or_has_something_behind_it_is_refused(behind):
    data = bytes(packed()) + behind if behind else bytes(packed()[:-5])
    assert refused(data) == "The gzip file is broken or ends too early."


@pytest.mark.parametrize("place", [2, 12, 5_000, -6])
def test_a_gzip_with_a_wrong_byte_is_refused(place):
    data = packed()
    data[place] ^= 0xFF
    data[place + 1] ^= 0xFF
    assert refused(bytes(data)) == "The gzip file is broken or ends too early."


@given(
    st.lists(LINES, max_size=40),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([1, 30, 200, BLOCK_SIZE]),
    st.sampled_from([1, 3, BLOCK_ROWS]),
)
def test_a_row_is_read_as_if_it_stood_alone(lines, newline, size, rows):
    with patch.object(csv_reader, "BLOCK_SIZE", size), patch.object(selection, "BLOCK_ROWS", rows):
        _, read, rejected = summaries(newline.join([COLUMNS.strip(), *lines]))
    expected, bad, after = [], [], 2
    for line in lines:
        number, after = after, after + 1 + line.count("\n")
        _, good, alone = summaries(COLUMNS + line)
        expected += [(*row[:-1], number) for row in good]
        bad += [(number, reason) for _, reason in alone.first]
    assert (read, rejected.first) == (expected, bad)


def test_bad_lines_are_found_wherever_they_stand_and_the_good_ones_keep_their_order():
    bad = {3, 255, 256, 257, 258, 300, 4_000, 4_999, 5_000}
    lines = [
        f"c{n},daily,1970-01-02,,{'x' if n in bad else n},,1970-01-02T00:00:00Z"
        for n in range(2, 5_001)
    ]
    period_type, rows, rejected = summaries(COLUMNS + "\n".join(lines))
    assert period_type == "daily"
    assert [row[0] for row in rows] == [f"c{n}" for n in range(2, 5_001) if n not in bad]
    assert all(row[0] == f"c{row[-1]}" and row[5] == row[-1] for row in rows)
    assert [line for line, _ in rejected.first] == sorted(bad)
    assert {reason[:11] for _, reason in rejected.first} == {"impressions"}


def test_a_file_may_mix_values_that_are_left_out_with_others():
    text = "customer_id,period_type,period_key,converts,last_contact_at,first_contact_at\n"
    text += "a,daily,1970-01-02,,1970-01-02T00:00:05Z,\n"
    text += "b,daily,1970-01-02,2,1970-01-02T00:00:05Z,1970-01-01T00:00:01Z\n"
    _, rows, rejected = summaries(text)
    assert rows == [
        ("a", "1970-01-02", "", "", "", 0, 0, 0, DAY, DAY + 5_000, 2),
        ("b", "1970-01-02", "", "", "", 2, 2, 0, 1_000, DAY + 5_000, 3),
    ]
    assert not rejected.count


def test_a_file_without_good_rows_has_no_period_type():
    assert summaries(COLUMNS)[:2] == (None, [])
    period_type, rows, rejected = summaries(COLUMNS + "a,daily,?,,1,1,1970-01-02\n")
    assert (period_type, rows, rejected.count) == (None, [], 1)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "The line is not JSON."),
        ("[1]", "The line must be an object."),
        ("[" * 100_000, "The line is not JSON."),
        ('{"impressions": NaN}', "The line is not JSON."),
        ('{"impressions": ' + "9" * 5000 + "}", "The line is not JSON."),
        ('{"converts": "3"}', "converts: Must be an integer from 0 to 1000000000."),
        ('{"converts": null}', "converts: Field may not be null."),
        ('{"totalValue": true}', "totalValue: Must be a number."),
        ('{"offerId": [1]}', "offerId: Must be a string."),
        ('{"customerId": "b", "customer_id": "b"}', "customerId: Is given twice."),
        ('{"\\ud800' + "x" * 999 + '": 1}', "?" + "x" * 59 + ": Unknown field."),
    ],
)
def test_a_bad_object_is_rejected_with_its_number_and_reason(line, reason):
    good = {"customerId": "a", "periodType": "daily", "periodKey": "1970-01-02"}
    good["lastContactAt"] = "1970-01-02"
    if line.startswith('{"'):
        line = json.dumps(good)[:-1] + ", " + line[1:]
        if "customer_id" in line:
            line = line.replace('"customerId": "a", ', "", 1)
    text = f"{json.dumps(good)}\n\n{line}\n{json.dumps({**good, 'customerId': 'z'})}"
    _, rows, rejected = summaries(text, "ndjson")
    assert [(row[0], row[-1]) for row in rows] == [("a", 1), ("z", 4)]
    assert (rejected.count, rejected.first) == (1, [(3, reason)])


def test_a_missing_field_is_named():
    text = '{"customerId": "a", "periodType": "daily", "periodKey": "1970-01-02"}'
    _, _, rejected = summaries(text, "ndjson")
    assert rejected.first == [(1, "lastContactAt: Missing data for required field.")]


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_long_lines_are_never_held_by_the_hundred(kind):
    long = "x" * 100_000
    line = json.dumps({"customerId": long, "periodType": long, "periodKey": long, "offerId": long})
    if kind == "csv":
        line = ",".join([long] * 7)
    data = (COLUMNS * (kind == "csv") + f"{line}\n" * 400).encode()
    rejected = Rejected(400)
    tracemalloc.start()
    _, chunks = read_summaries(File(io.BytesIO(data), kind), rejected)
    assert list(chunks) == [] and rejected.count == 400
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * 1024 * 1024
