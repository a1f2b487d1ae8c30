"""The known layouts of files of transactions: each is a file in ``profiles/``.

``docs/profiles.md`` says how to add one. The fields of the classes here are the keys of the files.
A key that takes the names of columns lists their spellings, in any language; the case does not
matter, and columns that the header lacks are passed over.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clv.files.columns.header import Header
from clv.files.columns.mapping import Amount, Less, Mapping, Rule
from clv.files.columns.toml_file import read_table

# As in 2026-03-12 and in 2026/3/12.
YEAR_FIRST = re.compile(r"\s*\d{4}\D")
FOLDER = Path(__file__).parents[1] / "profiles"

# Spellings of one column, or columns of which all are meant: the best first.
Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LessNames:
    """A :class:`clv.files.columns.mapping.Less` before the header is known.

    :param is_optional: without the column nothing is taken; else the way to the amount is no way
    """

    column: Names
    pattern: str | None = None
    share_of: Names = ()
    unless: Names = ()
    unless_values: tuple[str, ...] = ()
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class AmountNames:
    """A :class:`clv.files.columns.mapping.Amount` before the header is known.

    Without the column, or the one that it is multiplied by, it is no way to the amount.
    """

    column: Names
    less: tuple[LessNames, ...] = ()
    times: Names = ()
    currency: Names = ()
    is_negated: bool = False
    zero_is_empty: bool = False


@dataclass(frozen=True, slots=True)
class RuleNames:
    """A :class:`clv.files.columns.mapping.Rule` before the header is known."""

    column: Names
    values: tuple[str, ...] = ()
    is_other: bool = False
    sign: str = ""
    reason: str = ""
    is_covering: bool = False
    is_part: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to say about a file: a warning with a code, or a question with a parameter.

    :param when: only if the header has one of these columns
    :param unless: not if the header has one of these columns
    """

    message: str
    code: str = ""
    parameter: str = ""
    when: Names = ()
    unless: Names = ()

    def concerns(self, header: Header) -> bool:
        """Whether it has to be said about a file with this header."""
        is_excluded = any(name in header for name in self.unless)
        return not is_excluded and (not self.when or any(name in header for name in self.when))


@dataclass(frozen=True, slots=True)
class Layout:
    """What the file of a profile says; where it has no comment, see :class:`Mapping`.

    :param signature: of each of these lists the header must have a column
    :param unless: the header must have none of these columns
    :param refusal: why such a file can't be loaded, and what to export instead
    :param time_zone: of times without an offset; the tenant's if it is left out
    :param date_order: if the whole column fits several orders, and all its numeric dates have
        ``date_form``, a regular expression: a spreadsheet may have saved the file in another order
    :param decimal: the decimal sign, if the whole column fits both
    :param currency: of all amounts, if no column names it
    """

    title: str
    signature: tuple[Names, ...]
    unless: Names = ()
    refusal: str | None = None
    time_zone: str | None = None
    date_order: str | None = None
    date_form: str = ".*"
    decimal: str | None = None
    currency: str | None = None
    warnings: tuple[Notice, ...] = ()
    questions: tuple[Notice, ...] = ()
    customer: Names = ()
    customer_of_corrections: Names = ()
    customer_length: int = 0
    joined_customer: tuple[Names, ...] = ()
    time: Names = ()
    clock: Names = ()
    zone: Names = ()
    amounts: tuple[AmountNames, ...] = ()
    order: Names = ()
    order_apart: Names = ()
    order_lines: str = "each"
    line_has: Names = ()
    state: Names = ()
    keep_states: tuple[str, ...] = ()
    drop_states: tuple[str, ...] = ()
    cancelled: Names = ()
    rules: tuple[RuleNames, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """A known layout.

    :param name: of its file
    """

    name: str
    layout: Layout

    @property
    def title(self) -> str:
        """Such as ``Shopify, Orders > Export``."""
        return self.layout.title

    @property
    def refusal(self) -> str | None:
        """Why such a file can't be loaded, and what to export instead."""
        return self.layout.refusal

    @property
    def time_zone(self) -> str | None:
        """Of times without an offset; None: the tenant's."""
        return self.layout.time_zone

    def date_order(self, cells: Iterable[str]) -> str | None:
        """The order of day and month, where the whole column fits several orders.

        :param cells: of the column; those that begin with the year don't matter
        """
        form = re.compile(self.layout.date_form)
        dates = [cell.strip() for cell in cells if cell.strip() and not YEAR_FIRST.match(cell)]
        return self.layout.date_order if all(map(form.fullmatch, dates)) else None

    @property
    def decimal(self) -> str | None:
        """The decimal sign, where the whole column fits both."""
        return self.layout.decimal

    def matches(self, header: Header) -> bool:
        """Whether a file with this header is of this layout."""
        has_all = all(any(name in header for name in names) for names in self.layout.signature)
        return has_all and not any(name in header for name in self.layout.unless)

    def warnings(self, header: Header) -> tuple[tuple[str, str], ...]:
        """Codes and messages about a file with this header."""
        return tuple(
            (notice.code, notice.message)
            for notice in self.layout.warnings
            if notice.concerns(header)
        )

    def questions(self, header: Header) -> tuple[Notice, ...]:
        """What has to be asked about a file with this header."""
        return tuple(notice for notice in self.layout.questions if notice.concerns(header))

    def mapping(self, names: Sequence[str]) -> Mapping:
        """What the columns of a file with this header mean.

        Its customer, time or amounts are empty if the header has no column for them.

        :raises Invalid: if the header has one of the columns twice
        """
        layout, header = self.layout, Header(names)
        return Mapping(
            customer=header.all(layout.customer),
            customer_of_corrections=header.all(layout.customer_of_corrections),
            customer_length=layout.customer_length,
            joined_customer=_joined(layout, header),
            time=header.all(layout.time),
            clock=header.first(layout.clock),
            zone=header.first(layout.zone),
            amounts=tuple(filter(None, (_amount(way, header) for way in layout.amounts))),
            order=(order := header.all(layout.order)),
            order_apart=header.all(layout.order_apart) if order else (),
            order_lines=layout.order_lines if order else "each",
            line_has=header.first(layout.line_has),
            state=header.first(layout.state),
            keep_states=frozenset(layout.keep_states),
            drop_states=frozenset(layout.drop_states),
            cancelled=header.first(layout.cancelled),
            rules=tuple(filter(None, (_rule(rule, header) for rule in layout.rules))),
        )


@cache
def all_profiles() -> tuple[Profile, ...]:
    """All known layouts, by name."""
    paths = sorted(FOLDER.glob("*.toml"))
    return tuple(Profile(path.stem, read_table(path, Layout)) for path in paths)


def profile_of(names: Sequence[str]) -> Profile | None:
    """The layout that a file with this header has; None if it is none that is known.

    If it has several, the one that asks for the most columns: orders joined with payments are
    orders, too.
    """
    header = Header(names)
    matching = [profile for profile in all_profiles() if profile.matches(header)]
    return max(matching, key=lambda profile: len(profile.layout.signature), default=None)


def _joined(layout: Layout, header: Header) -> Names:
    columns = [header.first(names) for names in layout.joined_customer]
    return tuple(column for column in columns if column) if all(columns) else ()


def _amount(way: AmountNames, header: Header) -> Amount | None:
    column, times = header.first(way.column), header.first(way.times)
    if column is None or (way.times and times is None):
        return None
    less = [_less(names, header) for names in way.less]
    # Without the whole, a part in another currency can't be taken.
    if any(
        part and names.share_of and not part.share_of
        for part, names in zip(less, way.less, strict=True)
    ):
        return None
    if any(
        part is None and not names.is_optional for part, names in zip(less, way.less, strict=True)
    ):
        return None
    return Amount(
        column,
        tuple(filter(None, less)),
        times,
        header.first(way.currency),
        way.is_negated,
        way.zero_is_empty,
    )


def _less(names: LessNames, header: Header) -> Less | None:
    column = header.first(names.column)
    if column is None:
        return None
    unless = header.first(names.unless)
    return Less(
        column,
        names.pattern,
        header.first(names.share_of),
        (unless, names.unless_values) if unless else None,
    )


def _rule(rule: RuleNames, header: Header) -> Rule | None:
    column = header.first(rule.column)
    if column is None:
        return None
    return Rule(
        column,
        rule.values,
        rule.is_other,
        rule.sign,
        rule.reason,
        rule.is_covering,
        rule.is_part,
    )
