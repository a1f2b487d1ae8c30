"""Files of transactions and of interaction summaries."""

import gzip
import io
import json
import tracemalloc
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.errors import Invalid
from clv.files.blocks import BLOCK_ROWS, BLOCK_SIZE
from clv.files.summaries import csv_reader
from clv.files.summaries.reader import File, Rejected, read_summaries, read_transactions
from clv.files.tables import selection

HEADER = b"customer_id,date,amount\n"
DAY = 86_400_000


def read(data, *columns):
    """The transactions of a file and what was rejected."""
    if isinstance(data, str):
        data = data.encode()
    rejected = Rejected()
    chunks = read_transactions(File(io.BytesIO(data)), rejected, *columns)
    return flat(chunks), rejected


def flat(chunks):
    """The rows of chunks of columns."""
    return [row for chunk in chunks for row in zip(*chunk, strict=True)]


def summaries(text, kind="csv"):
    """The period type and the summaries of a file, and what was rejected."""
    rejected = Rejected()
    period_type, chunks = read_summaries(File(io.BytesIO(text.encode()), kind), rejected)
    return period_type, flat(chunks), rejected


def refused(data, *columns):
    with pytest.raises(Invalid) as raised:
        read(data, *columns)
    return raised.value.message


def reasons(data):
    return read(data)[1].first


def test_a_file_is_read_in_its_order():
    rows, rejected = read("customer_id,date,amount\nb,1970-01-02,1.5\na,1970-01-01T00:00:01Z,-2\n")
    assert rows == [("b", DAY, 15_000), ("a", 1_000, -20_000)]
    assert (rejected.count, rejected.first) == (0, [])


def test_columns_are_found_by_name_and_others_ignored():
    rows, _ = read("x, amount ,date,customer_id\n?,1,1970-01-01,a\n")
    assert rows == [("a", 0, 10_000)]
    rows, _ = read("who,when,what\na,1970-01-01,1\n", "who", "when", "what")
    assert rows == [("a", 0, 10_000)]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("last", ["", "\n"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_the_line_ends_a_byte_order_mark_and_gzip_do_not_matter(newline, mark, last, pack):
    text = f"{mark}customer_id,date,amount\nä,1970-01-01,1\nb,1970-01-02,2{last}"
    rows, rejected = read(pack(text.replace("\n", newline).encode()))
    assert rows == [("ä", 0, 10_000), ("b", DAY, 20_000)]
    assert rejected.count == 0


def test_values_may_be_quoted_and_surrounded_by_space():
    rows, _ = read('"customer_id","date","amount"\n"a,""b""", 1970-01-01 ,"1"\n')
    assert rows == [('a,"b"', 0, 10_000)]


def test_empty_lines_are_skipped():
    rows, rejected = read("customer_id,date,amount\n\na,1970-01-01,1\n\n\r\n")
    assert rows == [("a", 0, 10_000)]
    assert rejected.count == 0


def test_a_file_with_a_header_alone_has_no_transactions():
    assert read(HEADER) == ([], Rejected())


def test_a_file_may_consist_of_several_gzips():
    rows, _ = read(gzip.compress(HEADER) + gzip.compress(b"a,1970-01-01,1\n"))
    assert rows == [("a", 0, 10_000)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a,1970-01-01", "The line has 2 cells, but the header names 3 columns."),
        ("a,1970-01-01,12,50", "The line has 4 cells, but the header names 3 columns."),
        ('"a,1970-01-01,1', "A quote that begins in this line is not closed."),
        (",1970-01-01,1", "customer: Must be 1 to 128 characters, and not '.' or '..'."),
        ("a/b,1970-01-01,1", "customer: Must not contain '/'."),
        ("a\0b,1970-01-01,1", "The line has a NUL character."),
        ("a\tb,1970-01-01,1", "customer: Must not contain control characters or lone surrogates."),
        (
            "a,1970-01-01T00:00:00,1",
            "date: Must be a time with its UTC offset, such as 2026-04-30T09:15:00Z, or a date.",
        ),
        ("a,1970-02-30,1", "date: Must be a real date and time."),
        ("a,1969-12-31,1", "date: Must not be before 1970."),
        ("a,2999-01-01,1", "date: Must not be in the future."),
        ("a,1970-01-01,", "amount: Must be a number."),
        ("a,1970-01-01,1e13", "amount: Must be a number from -1000000000000 to 1000000000000."),
    ],
)
def test_a_bad_line_is_rejected_with_its_number_and_reason(line, reason):
    rows, rejected = read(f"customer_id,date,amount\nok,1970-01-01,1\n{line}\nok,1970-01-01,2\n")
    assert [amount for _, _, amount in rows] == [10_000, 20_000]
    assert (rejected.count, rejected.first) == (1, [(3, reason)])


def test_the_number_of_a_line_counts_empty_lines_and_line_breaks_in_quotes():
    assert reasons('customer_id,date,amount,note\n\na,1970-01-01,1,"x\ny"\nb,?,1,\n')[0][0] == 5


def test_lines_that_are_not_utf_8_are_rejected():
    rows, rejected = read(HEADER + b"caf\xe9,1970-01-01,1\nok,1970-01-01,2\n")
    assert rows == [("ok", 0, 20_000)]
    assert [line for line, _ in rejected.first] == [2]


def test_only_the_first_100_bad_lines_are_kept_and_all_are_counted():
    rows, rejected = read(HEADER + b"a,?,1\n" * 250 + b"a,1970-01-01,1\n")
    assert len(rows) == 1
    assert rejected.count == 250
    assert [line for line, _ in rejected.first] == list(range(2, 102))


def test_a_value_without_end_is_one_bad_line_and_reading_goes_on():
    rows, rejected = read(HEADER + b"x" * 200_000 + b",1970-01-01,1\nok,1970-01-01,2\n")
    assert rows == [("ok", 0, 20_000)]
    assert rejected.count == 1


def test_dates_until_today_are_accepted_and_later_ones_rejected():
    now = datetime.now(UTC)
    good = [now, now + timedelta(minutes=4), now.date()]
    bad = [now + timedelta(minutes=10), now + timedelta(days=2), now.date() + timedelta(days=2)]
    lines = "".join(f"a,{moment.isoformat()},1\n" for moment in (*good, *bad))
    rows, rejected = read("customer_id,date,amount\n" + lines)
    assert len(rows) == 3
    assert {reason for _, reason in rejected.first} == {"date: Must not be in the future."}


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"customer_id;date;amount\na;1970-01-01;1\n", b"a,b,c\n", b"PK\x03\x04\0"]
)
def test_a_file_without_the_columns_is_refused_with_their_names(data):
    message = refused(data)
    assert "The first line must name the columns customer_id, date, amount" in message
    assert "there is no customer_id, date, amount in it" in message


def test_the_missing_column_is_named():
    message = refused("customer_id,when,amount\n", "customer_id", "day")
    assert message.endswith("there is no day in it.")


def test_a_file_in_another_encoding_is_refused():
    refused("customer_id,date,amount\n".encode("utf-16"))


def test_a_first_line_without_end_is_refused():
    assert "customer_id, date, amount" in refused(b"x" * 200_000)


def packed():
    lines = b"".join(b"%d,1970-01-%02d,%d\n" % (n, n % 28 + 1, n * 7919 % 997) for n in range(3000))
    return bytearray(gzip.compress(HEADER + lines, mtime=0))


def test_a_gzip_that_ends_too_early_is_refused():
    assert refused(bytes(packed()[:-5])) == "The gzip file is broken or ends too early."
    assert refused(b"\x1f\x8b") == "The gzip file is broken or ends too early."


def test_a_gzip_with_something_behind_it_is_refused():
    assert refused(bytes(packed()) + b"x") == "The gzip file is broken or ends too early."


@pytest.mark.parametrize("place", [2, 12, 5_000, -6])
def test_a_gzip_with_a_wrong_byte_is_refused(place):
    data = packed()
    data[place] ^= 0xFF
    data[place + 1] ^= 0xFF
    assert refused(bytes(data)) == "The gzip file is broken or ends too early."


@given(st.binary(max_size=200))
def test_whatever_the_bytes_each_line_is_read_or_rejected(data):
    rows, rejected = read(HEADER + data)
    assert all(customer and contact_ms >= 0 for customer, contact_ms, _ in rows)
    assert rejected.count == len(rejected.first)


COLUMNS = "customerId,periodType,periodKey,offerId,impressions,totalValue,lastContactAt\n"
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


@given(
    st.lists(LINES, max_size=40),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([1, 30, 200, BLOCK_SIZE]),
    st.sampled_from([1, 3, BLOCK_ROWS]),
)
def test_a_row_is_read_as_if_it_stood_alone(lines, newline, size, rows):
    with patch.object(csv_reader, "BLOCK_SIZE", size), patch.object(selection, "BLOCK_ROWS", rows):
        _, found, rejected = summaries(newline.join([COLUMNS.strip(), *lines]))
    expected, bad, number = [], [], 1
    for line in lines:
        number += 1 + line.count("\n")
        _, good, alone = summaries(COLUMNS + line)
        expected += [(*row[:-1], number) for row in good]
        bad += [(number, reason) for _, reason in alone.first]
    assert (found, rejected.first) == (expected, bad)


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
        ('{"\\ud800' + "x" * 999 + '": 1}', "\\ud800" + "x" * 39 + ": Unknown field."),
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


def test_transactions_may_be_objects_too():
    lines = [
        {"customerId": "a", "date": "1970-01-02", "amount": "1.5", "other": 1},
        {"customer_id": "a", "date": "1970-01-02", "amount": 1.5},
        {"customer_id": 7, "date": "1970-01-02", "amount": 1},
        {"customer_id": "a", "date": 7, "amount": 1},
        {"customer_id": "a", "date": "1970-01-02", "amount": True},
        {"customer_id": "a", "date": "1970-01-02"},
    ]
    text, rejected = "\n".join(map(json.dumps, lines)), Rejected()
    chunks = read_transactions(File(io.BytesIO(text.encode()), "ndjson"), rejected)
    assert flat(chunks) == [("a", DAY, 15_000)] * 2
    assert rejected.first == [
        (3, "customer: Must be a string."),
        (4, "date: Must be a string."),
        (5, "amount: Must be a number."),
        (6, "amount: Missing data for required field."),
    ]


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_long_lines_are_never_held_by_the_hundred(kind):
    long = "x" * 100_000
    line = json.dumps({"customerId": long, "periodType": long, "periodKey": long, "offerId": long})
    if kind == "csv":
        line = ",".join([long] * 7)
    data = (COLUMNS * (kind == "csv") + f"{line}\n" * 400).encode()
    rejected = Rejected()
    tracemalloc.start()
    _, chunks = read_summaries(File(io.BytesIO(data), kind), rejected)
    assert list(chunks) == [] and rejected.count == 400
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * 1024 * 1024
