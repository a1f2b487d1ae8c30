"""Which columns of a file are the customer, the time and the amount, and which rows count."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Less:
    """A column whose amount is taken from another: a refund, a tax.

    :param pattern: a regular expression whose first group is an amount. The amounts of all matches
        count: ``amount:([0-9.]+)`` in ``amount:5|reason:|amount:2.50`` is 7.50
    :param share_of: this column is in the currency of that one, not of the amount: what is taken
        is amount × column / share_of
    :param unless: another column, and the cells (in lower case) with which nothing is taken: a
        dispute that was won, say
    """

    column: str
    pattern: str | None = None
    share_of: str | None = None
    unless: tuple[str, tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    """One way to a row's amount. A row takes the first way whose column is filled.

    :param less: columns that are taken from it, after the multiplication
    :param times: the column of a quantity that it is multiplied by
    :param currency: the column of its currency
    :param is_negated: a positive number is a correction: a refund in a column of its own
    :param zero_is_empty: 0 means that the column says nothing
    """

    column: str
    less: tuple[Less, ...] = ()
    times: str | None = None
    currency: str | None = None
    is_negated: bool = False
    zero_is_empty: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows that are left out, or count as nothing, for what a column says.

    All cells are compared in lower case and without outer space.

    :param values: the cells that the rule is about; "" for an empty one
    :param is_other: the rule is about the rows with any other filled cell instead
    :param sign: ``negative``: only rows below 0; ``positive``: only the others; "": all rows
    :param reason: why they are left out, in a few words; "" if they stay, with an amount of 0
    :param is_covering: a left-out row still makes its customer and day covered by the file
    :param is_part: cells that contain one of the values are meant as well
    :param is_negated: the rows stay, but as corrections: their amounts are below 0
    """

    column: str
    values: tuple[str, ...]
    is_other: bool = False
    sign: str = ""
    reason: str = ""
    is_covering: bool = False
    is_part: bool = False
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Mapping:
    """What the columns of one file mean. All columns are in its header.

    :param customer: the first filled one is the customer
    :param customer_of_corrections: likewise, for rows with a negative amount; empty: the same
    :param customer_length: only so many characters of the customer count; 0: all of them
    :param joined_customer: if none is filled, these are, joined by a space: name and postcode, say
    :param time: the first filled one is the time, or the date
    :param clock: the time of day, if the time has none
    :param zone: the time zone, where it is a column
    :param amounts: the ways to the amount, the best first
    :param order: the first filled one is the order's number
    :param order_apart: lines of one order that differ in these columns are several transactions
    :param order_lines: ``each`` row is a transaction; ``sum``: an order's lines are added up;
        ``first``: the first line of an order has its amount. ``each`` with an order holds as long
        as no order repeats: then it has to be asked
    :param line_has: a line without this column continues the order above, and is left out
    :param state: the order's state
    :param keep_states: states that count, besides the usual ones, as
        :func:`clv.files.columns.states.plain` writes them; ``*`` for all that are not dropped
    :param drop_states: states that don't, likewise
    :param cancelled: filled means cancelled
    :param rules: further rows that are left out
    """

    customer: tuple[str, ...]
    time: tuple[str, ...]
    amounts: tuple[Amount, ...]
    customer_of_corrections: tuple[str, ...] = ()
    customer_length: int = 0
    joined_customer: tuple[str, ...] = ()
    clock: str | None = None
    zone: str | None = None
    order: tuple[str, ...] = ()
    order_apart: tuple[str, ...] = ()
    order_lines: str = "each"
    line_has: str | None = None
    state: str | None = None
    keep_states: frozenset[str] = field(default_factory=frozenset)
    drop_states: frozenset[str] = field(default_factory=frozenset)
    cancelled: str | None = None
    rules: tuple[Rule, ...] = ()
