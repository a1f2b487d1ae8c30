"""Proposes what the columns of an unknown layout mean, by their names and what is in them.

What one column fits best is taken; where several fit equally well, it is a question.
"""

from dataclasses import dataclass

from clv.files.cells.customers import PLACEHOLDERS
from clv.files.choices import Question
from clv.files.columns import cell_forms as form
from clv.files.columns import column_names as called
from clv.files.columns.head import Head
from clv.files.columns.mapping import Amount, Less, Mapping
from clv.files.columns.row_kinds import returns, row_kinds
from clv.files.columns.states import LEFT_OUT, plain, words
from clv.files.columns.untaken import Columns
from clv.files.names import shown

NAMES = (
    "names",
    "The customers look like names. Two people of one name would be one customer: if the shop can"
    " export e-mail addresses or customer numbers, load these.",
)
# States that stand for nothing else, whatever their column is called.
_CANCELLED = words(
    """
    cancelled; canceled; order cancelled; order canceled; fail; failed; payment failed; voided;
    declined;
    storniert; abgebrochen; fehlgeschlagen; annulé; annulée; échoué; échouée; refusée; cancelado;
    cancelada; anulado; anulada; fallido; annullato; annullata; geannuleerd; mislukt; anulowane;
    anulowana
    """
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What columns are taken for, and what is open.

    :param mapping: its customer, time or amounts are empty if they are not known
    :param currency: of all amounts
    :param quantity: the column of how many pieces there are, if the amount is the price of one
    :param way: what goes with the amount, whichever column it is: refunds, a currency
    """

    mapping: Mapping
    questions: tuple[Question, ...] = ()
    warnings: tuple[tuple[str, str], ...] = ()
    currency: str | None = None
    quantity: str | None = None
    way: Amount | None = None


def propose(head: Head) -> Proposal:
    """What the columns of a file of an unknown layout mean."""
    columns = Columns(head)
    customer = _customer(columns)
    time, clock = _time(columns)
    zone = columns.one(called.ZONE)
    currency = columns.one(called.CURRENCY, form.CURRENCY, "currency") or columns.empty_one(
        called.CURRENCY
    )
    order = _order(columns)
    refund = _refund(columns)
    state = _state(columns)
    cancelled = _cancelled(columns)
    kinds = row_kinds(columns, refund is not None)
    amount, quantity = _amount(columns)
    rules = list(kinds.rules)
    if not refund and not state and not kinds.tell_refunds:
        rules += returns(columns, amount)
    way = Amount(amount or "", (Less(refund),) if refund else (), currency=currency)
    mapping = Mapping(
        customer=(customer,) if customer else (),
        time=(time,) if time else (),
        amounts=(way,) if amount else (),
        clock=clock,
        zone=zone,
        order=(order,) if order else (),
        state=state or kinds.state,
        keep_states=frozenset() if state else kinds.keep,
        cancelled=cancelled,
        rules=tuple(rules),
    )
    return Proposal(
        mapping,
        tuple(columns.questions),
        (NAMES,) if customer and head.may_be(customer, form.PERSON) else (),
        quantity=quantity,
        way=way,
    )


def _customer(columns: Columns) -> str | None:
    head = columns.head
    ids = columns.named(called.CUSTOMER_ID)
    words, names = columns.named(called.CUSTOMER), columns.named(called.NAME)
    user_words = columns.named(called.USER)
    users = [*columns.named(called.USER_ID), *columns.of(form.ID, user_words)]
    emails = columns.named(called.EMAIL[:1])
    ids += columns.of(form.ID, words)
    # A user with several customers works for the shop.
    people = [*ids, *words, *emails, *names]
    doubtful = [user for user in users if not all(head.determines(user, one) for one in people)]
    ids += [user for user in users if user not in doubtful]
    words += [word for word in user_words if word not in doubtful]
    strays = [name for name in columns.of(form.EMAIL) if not called.is_of_staff(name)]
    tiers = [
        # Where guests have the id 0 or none, e-mail addresses are better.
        [name for name in ids if _has_everybody(head, name, emails)],
        [*doubtful, *people] if doubtful else [],
        [*emails, *columns.of(form.EMAIL, words)],
        columns.named(called.EMAIL[1:]),
        [*strays, *ids, *words, *names] if strays else [],
        ids,
        words,
        _phones(columns),
        names,
    ]
    return columns.best("customer", [list(dict.fromkeys(tier)) for tier in tiers], "customer")


def _has_everybody(head: Head, name: str, emails: list[str]) -> bool:
    """Whether a column has the ids of guests as well, and not the same for all of them."""
    cells = head.cells(name)
    most = max((len(head.cells(email)) for email in emails), default=0)
    return len(cells) >= most and not any(cell.lower() in PLACEHOLDERS for cell in cells)


def _phones(columns: Columns) -> list[str]:
    """Phone numbers that everybody has; with a slash, they can't be ids."""
    phones = columns.filled(columns.named(called.PHONE))
    return [name for name in phones if not any("/" in cell for cell in columns.head.cells(name))]


def _time(columns: Columns) -> tuple[str | None, str | None]:
    """The column of the time, and that of the time of day if the first has only a date."""
    tiers = [
        _without_local(columns.named((names,), form.DATE))
        for names in (*called.TIME, *called.CLOCK)
    ]
    others = columns.of(form.PLAIN_DATE, columns.of(form.DATE))
    tiers.append([name for name in others if not called.is_other_time(name)])
    time = columns.best("time", tiers, "time of the purchase")
    clocks = columns.of(form.CLOCK, columns.named((*called.CLOCK, called.TIME[0])))
    if time is None or len(clocks) != 1 or any(":" in cell for cell in columns.head.cells(time)):
        return time, None
    return time, columns.take(clocks[0])


def _without_local(times: list[str]) -> list[str]:
    """The columns without those that another one has in UTC, which is exact."""
    exact = {called.words(name) for name in times if called.IN_UTC.search(name)}
    return [name for name in times if called.IN_UTC.search(name) or called.words(name) not in exact]


def _order(columns: Columns) -> str | None:
    for names in called.ORDER:
        orders = columns.named((names,))
        # An id and a number of the same orders are as good as one.
        if orders and all(columns.head.are_alike(orders[0], other) for other in orders[1:]):
            return columns.take(orders[0])
        if orders:
            columns.ask("order", [*orders, ""], "Several columns may be the order")
            return None
    return None


def _refund(columns: Columns) -> str | None:
    """The column of what was paid back, even if nothing was so far."""
    flags = [
        name
        for name in columns.named((called.IS_REFUNDED,))
        if columns.head.has_only(name, ("0", "1"))
    ]
    # Yes or no, rather than an amount.
    if any("1" in columns.head.cells(name) for name in flags):
        return None
    refunds = columns.named((called.REFUND,), form.NUMBER)
    if len(refunds) > 1 or flags:
        columns.ask("refund", [*refunds, ""], "What was paid back may be in")
        return None
    return columns.take(refunds[0]) if refunds else columns.empty_one((called.REFUND,))


def _state(columns: Columns) -> str | None:
    head = columns.head
    states = [name for name in columns.named(called.STATE[:1]) if head.has_states(name)]
    if len(states) > 1:
        columns.ask("state", [*states, ""], "Several columns may be the order's state")
    if states:
        return columns.take(states[0]) if len(states) == 1 else None
    others = [name for name in columns.left if _says_cancelled(columns, name)]
    if others:
        columns.ask("state", [*others, ""], "Which rows count as a purchase may be in")
        return None
    return columns.empty_one(called.STATE[:1])


def _says_cancelled(columns: Columns, name: str) -> bool:
    """Whether a column has states of orders that don't count, whatever it is called."""
    cells = set(map(plain, columns.head.cells(name)))
    is_named = called.group(name, called.STATE) is not None
    return bool(cells & (LEFT_OUT if is_named else _CANCELLED)) and columns.head.has_states(name)


def _cancelled(columns: Columns) -> str | None:
    """The column that is filled where an order was cancelled, even if none was so far."""
    dates = (called.CANCELLED[0], called.CANCELLED[2])
    return (
        columns.one(dates, form.DATE)
        or columns.one(called.CANCELLED[1:2])
        or columns.empty_one(called.CANCELLED[:1])
        or columns.empty_one(called.CANCELLED[1:2])
    )


def _amount(columns: Columns) -> tuple[str | None, str | None]:
    """The column of the amount, and the one of the quantity."""
    quantity = columns.one(called.QUANTITY, form.NUMBER)

    def numbers(names: str) -> list[str]:
        return columns.named((names,), form.NUMBER)

    totals = list(dict.fromkeys([*numbers(called.ORDER_AMOUNT), *numbers(called.AMOUNT)]))
    tiers = [totals, numbers(called.LINE_AMOUNT), numbers(called.UNIT_PRICE), numbers(called.PRICE)]
    amounts = list(dict.fromkeys(name for tier in tiers for name in tier))
    # An amount from which something was taken is no better than another.
    has_net = any(map(called.is_net, next(filter(None, tiers), [])))
    amount = columns.best("amount", [amounts] if has_net else tiers, "amount")
    if amount and not quantity and called.has(amount, called.UNIT_PRICE):
        columns.questions.append(_piece_question(amount))
    # Even without any in the first rows.
    names = columns.head.header.names
    discounts = [name for name in names if called.has(name, called.DISCOUNT)]
    if amount and discounts and amount not in totals:
        columns.questions.append(_discount_question(amount, discounts[0]))
    return amount, quantity


def _piece_question(price: str) -> Question:
    message = (
        f"{shown(price)} is the price of one piece, and no column is known to say how many were"
        f" bought. Choose {shown(price)} if each row is one piece."
    )
    return Question("amount", (price,), message)


def _discount_question(price: str, discount: str) -> Question:
    message = (
        f"{shown(discount)} may have to be taken from {shown(price)}. Choose {shown(price)} if that"
        " is what was paid; otherwise load the file with a column of what was paid."
    )
    return Question("amount", (price,), message)
