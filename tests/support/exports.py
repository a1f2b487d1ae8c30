"""The samples of real layouts in ``tests/exports``, and what must come out of each.

All rows are invented. The table of what is expected is ``tests/exports/expected.toml``.
"""

import csv
import io
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

EXPORTS = Path(__file__).parents[1] / "exports"
# Lines before the header.
PREAMBLE = {"amazon_date_range.csv": 3}
# How the reasons begin, by kind; all others are rules of profiles.
KINDS = {
    "no customer": "no_customer",
    "state: ": "state",
    "cancelled": "cancelled",
    "a further line of an order": "line",
    "the order is there already": "line",
    "the amount is in ": "other_currency",
    "a footer": "footer",
}
# The width of a row of data; narrower ones are notes.
MIN_WIDTH = 3


@dataclass(frozen=True)
class Sample:
    """A file, the choices that are made about it, and what must come out.

    :param rows: customer, local day in Europe/Berlin, amount, and ``sale`` or ``correction``
    :param left_out: how many rows by kind of reason
    :param questions: that are open without the choices
    :param refused: words of the message with which it is refused
    """

    file: str
    profile: str | None = None
    rows: list[list[str]] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    choices: dict[str, str] = field(default_factory=dict)
    currency: str | None = None
    refused: str | None = None

    def __str__(self) -> str:
        return " ".join([self.file, *self.choices.values()])

    @property
    def path(self) -> Path:
        """Where the file is."""
        return EXPORTS / self.file

    def table(self) -> list[list[str]]:
        """The header and the rows of data, as text."""
        data = self.path.read_bytes()
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252")
        first = text.splitlines()[PREAMBLE.get(self.file, 0)]
        delimiter = max(",;\t", key=first.count)
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        return [row for row in rows if len(row) >= MIN_WIDTH]


SAMPLES = [
    Sample(**sample)
    for sample in tomllib.loads((EXPORTS / "expected.toml").read_text("utf-8"))["samples"]
]


def kind_of(reason: str) -> str:
    """The kind, as in the table, of a reason for which rows were left out."""
    for beginning, kind in KINDS.items():
        if reason.startswith(beginning):
            return kind
    return "rule"
