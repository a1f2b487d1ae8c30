"""What a file of transactions would do, without storing anything."""

from dataclasses import dataclass

from clv.files.choices import Question


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file was read.

    :param encoding: None for a workbook, and so is the delimiter
    :param decimal: None if no amount has decimals or thousands signs
    :param date_order: None if no date leaves a choice
    :param time_zone: of times without an offset
    :param header_line: the number of the line with the names of the columns
    """

    encoding: str | None
    delimiter: str | None
    decimal: str | None
    date_order: str | None
    time_zone: str
    header_line: int


@dataclass(frozen=True, slots=True)
class UsedColumns:
    """Which columns of a file are used, and for what."""

    customer: tuple[str, ...]
    time: tuple[str, ...]
    amount: tuple[str, ...]
    refund: str | None
    quantity: str | None
    order: str | None
    currency: str | None
    state: str | None


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column of the file, with its first filled cells."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CurrencyTotal:
    """What a file has in one currency; None without a currency. The total is in 1/10,000."""

    currency: str | None
    transactions: int
    total: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows that do not count, for one reason.

    :param total: their amounts, as far as they have any, in 1/10,000
    :param lines: the first five line numbers
    """

    reason: str
    rows: int
    total: int
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BadReason:
    """Lines that could not be read, for one reason; the first five line numbers."""

    message: str
    count: int
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BadLines:
    """The lines that could not be read."""

    count: int
    reasons: tuple[BadReason, ...]


@dataclass(frozen=True, slots=True)
class Warned:
    """Something about a file that a person should look at.

    :param code: ``one_order_each``, ``names``, ``large_customer``, ``older_file``, ``encoding``, …
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One transaction of the file as it was understood.

    :param day: the local calendar day, such as ``2026-03-12``
    :param amount: in 1/10,000
    :param kind: ``sale`` or ``correction``
    """

    line: int
    customer_id: str
    time_ms: int
    day: str
    amount: int
    kind: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would do.

    :param profile: the name of the known layout, and its title
    :param questions: what has to be answered before the file can be loaded
    :param rows: of data, whether they count or not
    :param transactions: that count as an interaction
    :param corrections: that count in revenue alone
    :param first_day: of the transactions and corrections; None without any
    :param total: of all amounts that count, in 1/10,000; None if they are in several currencies
    :param columns: all columns of the file
    """

    profile: str | None
    title: str | None
    reading: Reading
    mapping: UsedColumns
    questions: tuple[Question, ...]
    rows: int
    transactions: int
    corrections: int
    customers: int
    first_day: str | None
    last_day: str | None
    total: int | None
    currencies: tuple[CurrencyTotal, ...]
    left_out: tuple[LeftOut, ...]
    bad_lines: BadLines
    warnings: tuple[Warned, ...]
    sample: tuple[SampleRow, ...]
    columns: tuple[FileColumn, ...]
