"""What follows from the columns of a file once it is known which they are."""

from dataclasses import replace

from clv.files.choices import Choices, Question
from clv.files.columns import column_names as called
from clv.files.columns.head import Head
from clv.files.columns.mapping import Mapping, Rule
from clv.files.columns.states import PARTLY_REFUNDED, REFUNDED
from clv.files.names import shown


def with_quantity(mapping: Mapping, quantity: str) -> tuple[Mapping, tuple[Question, ...]]:
    """The mapping with prices of one piece multiplied by the quantity, and what is to be asked."""
    price = mapping.amounts[0].column
    if called.has(price, called.UNIT_PRICE):
        ways = tuple(replace(way, times=quantity) for way in mapping.amounts)
        return replace(mapping, amounts=ways), ()
    return mapping, (_quantity_question(price, quantity),) if called.has(
        price, called.PRICE
    ) else ()


def with_refunds(mapping: Mapping) -> Mapping:
    """The mapping with what states say about refunds that no column has."""
    if not mapping.state or any(way.less for way in mapping.amounts):
        return mapping
    return replace(mapping, rules=(*mapping.rules, *_refund_rules(mapping.state)))


def net_amounts(mapping: Mapping, choices: Choices) -> tuple[Question, ...]:
    """A question, if what was paid back may be in a net amount already."""
    nets = [way for way in mapping.amounts if way.less and called.is_net(way.column)]
    if not nets or choices.refund is not None:
        return ()
    less = nets[0].less[0].column
    message = f"Is {shown(less)} in {shown(nets[0].column)} already? Then choose none."
    return (Question("refund", (less, ""), message),)


def named_currency(mapping: Mapping) -> str | None:
    """The currency of all amounts, where the names of their columns tell it: ``Betrag (€)``."""
    if any(way.currency for way in mapping.amounts):
        return None
    currencies = {called.currency(way.column) for way in mapping.amounts}
    return currencies.pop() if len(currencies) == 1 else None


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


def _quantity_question(price: str, quantity: str) -> Question:
    message = (
        f"Is {shown(price)} the price of one piece? Then name {shown(quantity)} as the quantity."
    )
    return Question("quantity", (quantity, ""), message)


def _refund_rules(state: str) -> tuple[Rule, ...]:
    """What states say about refunds that no column has."""
    return (
        Rule(state, REFUNDED, sign="positive"),
        Rule(
            state,
            PARTLY_REFUNDED,
            sign="positive",
            reason="refunded in part, by an amount that no column has",
            is_covering=True,
        ),
    )
