"""A workbook takes no more memory than it may, and one that would is refused before."""

import io
import subprocess
import sys
import zipfile

import pytest

from clv.config import ROOT
from clv.errors import Invalid, TooLarge
from clv.files.choices import Choices
from clv.files.stream import File
from clv.files.tables.table import open_table
from tests.support.workbook import workbook

MOST_BYTES = 64 * 1024 * 1024
HEADER = ["customer_id", "date", "amount", *(f"note {number}" for number in range(5))]
_READ = """
import sys
from pathlib import Path
from clv.files.choices import Choices
from clv.files.stream import File
from clv.files.tables.table import open_table
from tests.support.file_cost import _peak

with open("tests/exports/plain.csv", "rb") as file:
    open_table(File(file), Choices()).close()
Path("/proc/self/clear_refs").write_text("5")
before, rows = _peak(), 0
with open(sys.argv[1], "rb") as file:
    table = open_table(File(file), Choices())
    while block := table.read():
        rows += len(block)
print(rows, _peak() - before)
"""


def test_the_largest_workbooks_fit_into_64_mib(tmp_path):
    path = tmp_path / "large.xlsx"
    row = ["customer {}@example.com", "2026-01-02", 1.5, *["a text of {}"] * 4, 2]
    rows = [[str(cell).format(n) for cell in row] for n in range(48_000)]
    path.write_bytes(workbook([HEADER, *rows]))
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(path)], cwd=ROOT, capture_output=True, text=True
    )
    assert not done.returncode, done.stderr
    read, size = map(int, done.stdout.split())
    assert read == 48_000 and size < MOST_BYTES


def test_a_workbook_of_too_many_cells_is_refused_with_what_to_do():
    with pytest.raises(TooLarge, match="some 500,000 cells. Save it as CSV"):
        opened(workbook([HEADER, *([n, "2026-01-02", 1, *[n] * 5] for n in range(90_000))]))


@pytest.mark.parametrize("reference", [b"<v>0</v>", b"<f>A1</f><v>0</v>"])
def test_a_long_text_that_many_cells_share_counts_in_each(reference):
    # 20,000 cells of 30,000 characters would take 600 MB.
    cells = b"".join(
        b'<row r="%d"><c r="A%d" t="s">%b</c><c r="B%d"><v>1</v></c></row>' % (n, n, reference, n)
        for n in range(2, 20_002)
    )
    text = b"<sst><si><t>" + b"x" * 30_000 + b"</t></si></sst>"
    data = with_parts(
        {"xl/worksheets/sheet1.xml": (b"</sheetData>", cells + b"</sheetData>")},
        {"xl/sharedStrings.xml": text},
    )
    assert len(data) < 200_000
    with pytest.raises(TooLarge, match="MiB of memory"):
        opened(data)


def test_an_archive_of_very_many_files_is_refused_before_they_are_listed():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"{number:020}", "")
    with pytest.raises(Invalid, match="too many files"):
        opened(packed.getvalue())


def test_a_part_whose_size_is_a_lie_is_read_to_its_end():
    data = workbook([HEADER, *([n, "2026-01-02", 1] for n in range(50_000))])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    lie = data.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert lie != data
    with pytest.raises(TooLarge, match="inflates to more than 1000000 bytes"):
        opened(lie, 1_000_000)


def opened(data, max_bytes=None):
    return open_table(File(io.BytesIO(data), max_bytes=max_bytes), Choices())


def with_parts(replaced, added):
    """A small workbook with some of its parts changed."""
    packed, small = io.BytesIO(), workbook([HEADER[:2], ["a", 1]])
    with (
        zipfile.ZipFile(io.BytesIO(small)) as before,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        for name in before.namelist():
            old, new = replaced.get(name, (b"", b""))
            content = before.read(name)
            after.writestr(name, content.replace(old, new) if old else content)
        for name, content in added.items():
            after.writestr(name, content)
    return packed.getvalue()
