"""Reading a file stops: at too many bad lines, when the client has gone, when there is no disk."""

import io
from dataclasses import replace

import pytest

from clv import db
from clv.errors import BrokenOff, Invalid, Unavailable
from clv.files.choices import Choices, OpenQuestions
from clv.files.effort import Effort
from clv.files.stream import File
from clv.services import loading
from clv.services.loading import Options
from clv.temporary_disk import TemporaryDisk
from tests.unit.files.support import Unseekable

HEADER = "customer_id,date,amount\n"
GOOD = "a,2026-01-02,1\n"
VISITS = "customerId,periodType,periodKey,converts,totalValue,lastContactAt\n"
BAD_VISIT = "a,daily,2026-01-02,x,1,2026-01-02T00:00:00Z\n"
MIB = 1024 * 1024


def file(text: str, **limits) -> File:
    return File(io.BytesIO(text.encode()), **limits)


@pytest.mark.parametrize("skips", [False, True])
def test_a_file_of_many_bad_lines_is_not_read_to_its_end(acme, skips):
    source = io.BytesIO((HEADER + GOOD + "x\n" * 2_000_000).encode())
    with pytest.raises(Invalid, match="More than 100 bad lines") as raised:
        loading.load_transactions(acme, File(source), Choices(), Options(skip_bad_lines=skips))
    assert "101 × The line has 1 cell" in raised.value.message
    assert len(raised.value.fields["body"]) == 100
    assert source.tell() < MIB


@pytest.mark.parametrize("skips", [False, True])
def test_so_is_one_of_summaries(acme, skips):
    with pytest.raises(Invalid, match="More than 5 bad lines"):
        many = file(VISITS + BAD_VISIT * 6, max_bad_lines=5)
        loading.load_summaries(acme, many, Options(skip_bad_lines=skips))


def test_as_many_bad_lines_as_there_may_be_are_skipped(acme):
    few = file(HEADER + GOOD + "x\n" * 5, max_bad_lines=5)
    loaded = loading.load_transactions(acme, few, Choices(), Options(skip_bad_lines=True))
    assert (loaded.received, loaded.rejected) == (1, 5)


def test_a_preview_shows_what_was_read_before_too_many_bad_lines(acme):
    text = HEADER + GOOD * 3_000 + "x\n" * 200 + GOOD * 3_000
    preview = loading.preview_transactions(acme, file(text), Choices())
    assert 0 < preview.transactions <= 3_000
    assert [(each.message, each.count) for each in preview.bad_lines.reasons] == [
        ("The line has 1 cell, but the header names 3 columns.", 101)
    ]
    [warned] = [each for each in preview.warnings if each.code == "too_many_bad_lines"]
    assert "stopped at line 3,102" in warned.message


def test_what_has_to_be_asked_comes_before_the_bad_lines_that_it_makes(acme):
    text = HEADER + "a,01/02/2020,1\n" * 500
    with pytest.raises(OpenQuestions, match="dateOrder"):
        loading.load_transactions(acme, file(text), Choices(), Options())
    preview = loading.preview_transactions(acme, file(text), Choices())
    assert [question.parameter for question in preview.questions] == ["dateOrder"]
    assert "too_many_bad_lines" not in [each.code for each in preview.warnings]


@pytest.mark.parametrize("previews", [False, True])
def test_when_the_client_has_gone_nothing_more_is_read_or_stored(acme, previews):
    source = io.BytesIO((HEADER + GOOD * 2_000_000).encode())

    def watch() -> None:
        if source.tell() > MIB:
            raise BrokenOff("gone")

    watched = File(source, effort=Effort(watch))
    with pytest.raises(BrokenOff):
        if previews:
            loading.preview_transactions(acme, watched, Choices())
        else:
            loading.load_transactions(acme, watched, Choices(), Options())
    assert source.tell() < 4 * MIB
    assert not db.rows("SELECT 1 FROM interaction_summary")


def test_what_a_file_takes_of_the_disk_is_counted_and_given_back(acme):
    disk = TemporaryDisk(8 * MIB)
    text = (HEADER + GOOD * 60_000).encode()
    held = disk.hold(acme.id)
    with pytest.raises(Unavailable):
        source = File(Unseekable(text, 65_536), disk=held)
        loading.load_transactions(acme, source, Choices(), Options())
    assert disk.total == 0
    small = replace(file(HEADER + GOOD * 10), disk=disk.hold(acme.id))
    assert loading.load_transactions(acme, small, Choices(), Options()).received == 10
    assert disk.total == 0


def test_a_stream_that_is_read_twice_counts_what_is_kept_of_it(acme):
    # The order of day and month shows at the very end.
    text = HEADER + "a,01/02/2020,1\n" * 400_000 + "a,31/01/2020,1\n"
    seen = []

    class Disk:
        def grow(self, size: int) -> None:
            seen.append(size)

        def close(self) -> None:
            seen.append(0)

    kept = File(Unseekable(text.encode(), 65_536), disk=Disk())
    loading.preview_transactions(acme, kept, Choices())
    assert sum(seen) > len(text) and seen[-1] == 0


def test_a_long_cell_is_a_bad_line_only_where_it_is_used(acme):
    long = "x" * 40_000
    noted = file(f"customer_id,date,amount,notes\na,2026-01-02,1,{long}\n")
    assert loading.load_transactions(acme, noted, Choices(), Options()).received == 1
    with pytest.raises(Invalid, match=r"'customer_id' has 40,000 characters; at most 32,768"):
        used = file(f"{HEADER}{long},2026-01-02,1\n")
        loading.load_transactions(acme, used, Choices(), Options())
