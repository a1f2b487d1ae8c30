"""Proposes what the columns of an unknown layout mean, by their names and what is in them.

What one column fits best is taken; where several fit equally well, it is a question.
"""

import re
from dataclasses import dataclass, replace

from clv.files.choices import Question
from clv.files.columns import cell_forms as form
from clv.files.columns import column_names as called
from clv.files.columns.head import Head
from clv.files.columns.mapping import Amount, Less, Mapping, Rule
from clv.files.names import shown

NAMES = (
    "names",
    "The customers look like names. Two people of one name would be one customer: if the shop can"
    " export e-mail addresses or customer numbers, load these.",
)
# How states say that all was paid back, or a part.
REFUNDED = (
    *("refunded", "refund", "wc-refunded", "erstattet", "rückerstattet", "zurückerstattet"),
    *("rückerstattung", "remboursé", "remboursée", "reembolsado", "reembolsada"),
)
PARTLY_REFUNDED = (
    *("partially refunded", "partially_refunded", "partially-refunded", "partial refund"),
    *("teilweise erstattet", "teilerstattet", "teilerstattung"),
    *("partiellement remboursé", "partiellement remboursée"),
)
YES = ("1", "y", "yes", "true", "ja", "wahr", "oui", "si", "sí")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What columns are taken for, and what is open.

    :param mapping: its customer, time or amounts are empty if they are not known
    :param currency: of all amounts, where a column's name tells it
    :param quantity: the column of how many pieces there are, if the amount is the price of one
    """

    mapping: Mapping
    questions: tuple[Question, ...] = ()
    warnings: tuple[tuple[str, str], ...] = ()
    currency: str | None = None
    quantity: str | None = None


def propose(head: Head) -> Proposal:
    """What the columns of a file of an unknown layout mean."""
    columns = _Columns(head)
    customer = _customer(columns)
    time, clock = _time(columns)
    zone = columns.one(called.ZONE)
    currency = columns.one(called.CURRENCY, form.CURRENCY, "currency")
    order = _order(columns)
    refund, refunded = _refund(columns)
    state = _state(columns)
    cancelled = columns.one(called.CANCELLED, form.DATE)
    amount, quantity = _amount(columns)
    less = (Less(refund),) if refund else ()
    mapping = Mapping(
        customer=(customer,) if customer else (),
        time=(time,) if time else (),
        amounts=(Amount(amount, less, currency=currency),) if amount else (),
        clock=clock,
        zone=zone,
        order=(order,) if order else (),
        state=state,
        cancelled=cancelled,
        rules=() if refund else _refund_rules(state, refunded),
    )
    return Proposal(
        mapping,
        tuple(columns.questions),
        (NAMES,) if customer and head.may_be(customer, form.PERSON) else (),
        called.currency(amount) if amount and not currency else None,
        quantity,
    )


def with_quantity(mapping: Mapping, quantity: str) -> tuple[Mapping, tuple[Question, ...]]:
    """The mapping with prices of one piece multiplied by the quantity, and what is to be asked."""
    price = mapping.amounts[0].column
    if called.has(price, called.UNIT_PRICE):
        ways = tuple(replace(way, times=quantity) for way in mapping.amounts)
        return replace(mapping, amounts=ways), ()
    return mapping, (_quantity_question(price, quantity),) if called.has(
        price, called.PRICE
    ) else ()


def order_lines(head: Head, mapping: Mapping) -> str:
    """How the lines of an order make its amount, as far as names and first rows tell; ``each`` if
    they don't, which has to be asked if an order has several."""
    if not mapping.order:
        return "each"
    amount, order = mapping.amounts[0], mapping.order[0]
    if amount.times or called.has(amount.column, called.LINE_AMOUNT):
        return "sum"
    if not head.repeats(order):
        return "each"
    if called.has(amount.column, called.PRICE):
        return "sum"
    is_total = called.has(amount.column, called.ORDER_AMOUNT)
    return "first" if is_total and head.is_of_orders(amount.column, order) else "each"


def time_zone(mapping: Mapping) -> str | None:
    """``UTC`` if the name of the time's column says so: ``Created (UTC)``."""
    names = [*mapping.time, mapping.clock or ""]
    return "UTC" if any(map(called.IN_UTC.search, names)) else None


class _Columns:
    """Columns are taken one after the other, each once; meanwhile questions are collected."""

    def __init__(self, head: Head) -> None:
        self.head = head
        names = head.header.names
        self.left = [
            name for name in names if name and names.count(name) == 1 and not head.is_empty(name)
        ]
        self.questions: list[Question] = []

    def of(self, pattern: re.Pattern[str], names: list[str] | None = None) -> list[str]:
        """Those columns whose cells have this form; at least one is filled."""
        return [
            name for name in (self.left if names is None else names) if self.head.has(name, pattern)
        ]

    def named(self, groups: called.Groups, pattern: re.Pattern[str] | None = None) -> list[str]:
        """The columns with these names, whose cells may have this form."""
        return [
            name
            for name in self.left
            if called.group(name, groups) is not None
            and (pattern is None or self.head.may_be(name, pattern))
        ]

    def take(self, name: str) -> str:
        """Take a column: it means nothing else."""
        self.left.remove(name)
        return name

    def one(
        self,
        groups: called.Groups,
        pattern: re.Pattern[str] | None = None,
        parameter: str | None = None,
    ) -> str | None:
        """Take the column of the first group that has one; if it has several, ask, or take none."""
        for names in groups:
            columns = self.named((names,), pattern)
            if len(columns) == 1:
                return self.take(columns[0])
            if columns:
                if parameter:
                    self.ask(parameter, [*columns, ""], f"Several columns may be the {parameter}")
                return None
        return None

    def best(self, parameter: str, tiers: list[list[str]], meaning: str) -> str | None:
        """Take the only column of the first tier that has any; if it has several, ask."""
        for columns in tiers:
            if len(columns) == 1:
                return self.take(columns[0])
            if columns:
                self.ask(parameter, columns, f"Several columns may be the {meaning}")
                return None
        return None

    def ask(self, parameter: str, columns: list[str], message: str) -> None:
        """Ask which of these columns it is."""
        listed = ", ".join(shown(name) for name in columns if name)
        self.questions.append(Question(parameter, tuple(columns), f"{message}: {listed}."))


def _customer(columns: _Columns) -> str | None:
    words = columns.named(called.CUSTOMER)
    ids = [*columns.named(called.CUSTOMER_ID), *columns.of(form.ID, words)]
    tiers = [
        # Where guests have the id 0, e-mail addresses are better.
        [name for name in ids if "0" not in columns.head.cells(name)],
        list(dict.fromkeys([*columns.named(called.EMAIL[:1]), *columns.of(form.EMAIL, words)])),
        columns.named(called.EMAIL[1:]),
        columns.of(form.EMAIL),
        ids,
        words,
        columns.named(called.NAME),
    ]
    return columns.best("customer", tiers, "customer")


def _time(columns: _Columns) -> tuple[str | None, str | None]:
    """The column of the time, and that of the time of day if the first has only a date."""
    tiers = [
        _without_local(columns.named((names,), form.DATE))
        for names in (*called.TIME, *called.CLOCK)
    ]
    tiers.append(columns.of(form.PLAIN_DATE, columns.of(form.DATE)))
    time = columns.best("time", tiers, "time of the purchase")
    clocks = columns.of(form.CLOCK, columns.named((*called.CLOCK, called.TIME[0])))
    if time is None or len(clocks) != 1 or any(":" in cell for cell in columns.head.cells(time)):
        return time, None
    return time, columns.take(clocks[0])


def _without_local(times: list[str]) -> list[str]:
    """The columns without those that another one has in UTC, which is exact."""
    exact = {called.words(name) for name in times if called.IN_UTC.search(name)}
    return [name for name in times if called.IN_UTC.search(name) or called.words(name) not in exact]


def _order(columns: _Columns) -> str | None:
    for names in called.ORDER:
        orders = columns.named((names,))
        # An id and a number of the same orders are as good as one.
        if orders and all(columns.head.are_alike(orders[0], other) for other in orders[1:]):
            return columns.take(orders[0])
        if orders:
            columns.ask("order", [*orders, ""], "Several columns may be the order")
            return None
    return None


def _state(columns: _Columns) -> str | None:
    states = [name for name in columns.named(called.STATE) if columns.head.has_states(name)]
    if len(states) > 1:
        columns.ask("state", [*states, ""], "Several columns may be the order's state")
    return columns.take(states[0]) if len(states) == 1 else None


def _amount(columns: _Columns) -> tuple[str | None, str | None]:
    """The column of the amount, and the one of the quantity."""
    quantity = columns.one(called.QUANTITY, form.NUMBER)

    def numbers(names: str) -> list[str]:
        return columns.named((names,), form.NUMBER)

    totals = list(dict.fromkeys([*numbers(called.ORDER_AMOUNT), *numbers(called.AMOUNT)]))
    tiers = [totals, numbers(called.LINE_AMOUNT), numbers(called.UNIT_PRICE), numbers(called.PRICE)]
    amount = columns.best("amount", tiers, "amount")
    # Even without any in the first rows.
    names = columns.head.header.names
    discounts = [name for name in names if called.has(name, called.DISCOUNT)]
    if amount and discounts and amount not in totals:
        columns.questions.append(_discount_question(amount, discounts[0]))
    return amount, quantity


def _discount_question(price: str, discount: str) -> Question:
    message = (
        f"{shown(discount)} may have to be taken from {shown(price)}. Choose {shown(price)} if that"
        " is what was paid; otherwise load the file with a column of what was paid."
    )
    return Question("amount", (price,), message)


def _quantity_question(price: str, quantity: str) -> Question:
    message = (
        f"Is {shown(price)} the price of one piece? Then name {shown(quantity)} as the quantity."
    )
    return Question("quantity", (quantity, ""), message)


def _refund(columns: _Columns) -> tuple[str | None, str | None]:
    """The column of what was paid back; else the one that says whether all of it was."""
    refund = columns.one((called.REFUND,), form.NUMBER, "refund")
    about = columns.named((called.ABOUT_REFUND,))
    if refund or len(about) != 1:
        return refund, None
    cells = set(columns.head.cells(about[0]))
    if cells == {"0"}:
        columns.ask("refund", [*about, ""], "This column may be the amount that was paid back")
    elif columns.head.has(about[0], form.FLAG):
        return None, columns.take(about[0])
    elif columns.head.has(about[0], form.NUMBER):
        return columns.take(about[0]), None
    return None, None


def _refund_rules(state: str | None, refunded: str | None) -> tuple[Rule, ...]:
    """What a state, or a flag, says about refunds that no column has."""
    flagged = (Rule(refunded, YES, sign="positive"),) if refunded else ()
    if state is None:
        return flagged
    return (
        *flagged,
        Rule(state, REFUNDED, sign="positive"),
        Rule(
            state,
            PARTLY_REFUNDED,
            sign="positive",
            reason="refunded in part, by an amount that no column has",
            is_covering=True,
        ),
    )
