"""What the caller chose about the columns of a file, over what was proposed or known."""

import re
from dataclasses import replace

from clv.files.choices import ORDER_LINES, Choices, wrong_choice
from clv.files.columns import states
from clv.files.columns.header import Header
from clv.files.columns.mapping import Amount, Less, Mapping
from clv.files.names import shown

CODE = re.compile("[A-Za-z]{3}")


def choose(
    mapping: Mapping, header: Header, choices: Choices, way: Amount | None = None
) -> Mapping:
    """The mapping with the caller's choices in it; what was not chosen stays.

    :param way: what goes with a chosen amount, if the mapping has no amounts yet
    :raises Invalid: if a chosen column does not exist, or a choice is none of those there are
    """
    mapping = _customer(mapping, header, choices)
    mapping = _time(mapping, header, choices)
    mapping = replace(mapping, amounts=_amounts(mapping.amounts, header, choices, way))
    mapping = _order(mapping, header, choices)
    return _state(mapping, header, choices)


def fixed_currency(header: Header, choices: Choices) -> str | None:
    """The currency of all amounts, if the caller named a code instead of a column.

    :raises Invalid: if it is neither
    """
    currency = choices.currency
    if not currency or currency in header:
        return None
    if not CODE.fullmatch(currency):
        raise wrong_choice(
            "currency",
            f'"{shown(currency)}" is neither a code such as EUR nor a column. {header.listed()}',
        )
    return currency.upper()


def _columns(parameter: str, names: tuple[str, ...], header: Header) -> tuple[str, ...]:
    return tuple(header.chosen(parameter, name) for name in names if name)


def _customer(mapping: Mapping, header: Header, choices: Choices) -> Mapping:
    if choices.customer is None:
        return mapping
    return replace(
        mapping,
        customer=_columns("customer", choices.customer, header),
        customer_of_corrections=(),
        customer_length=0,
        joined_customer=(),
    )


def _time(mapping: Mapping, header: Header, choices: Choices) -> Mapping:
    if choices.time is None:
        return mapping
    time = _columns("time", choices.time, header)
    if len(time) > 2:
        raise wrong_choice("time", "one column, or two: of the date and of the time of day.")
    clock = mapping.clock if time == mapping.time else None
    return replace(mapping, time=time[:1], clock=time[1] if len(time) == 2 else clock)


def _amounts(
    amounts: tuple[Amount, ...], header: Header, choices: Choices, way: Amount | None
) -> tuple[Amount, ...]:
    if choices.amount is not None:
        columns = _columns("amount", choices.amount, header)
        known = amounts or (way or Amount(""),)
        amounts = tuple(_amount(column, known) for column in columns)
    if choices.refund is not None:
        less = (Less(header.chosen("refund", choices.refund)),) if choices.refund else ()
        amounts = tuple(replace(amount, less=less) for amount in amounts)
    if choices.quantity is not None:
        times = header.chosen("quantity", choices.quantity) if choices.quantity else None
        amounts = tuple(replace(amount, times=times) for amount in amounts)
    if choices.currency is not None and (not choices.currency or choices.currency in header):
        column = header.chosen("currency", choices.currency) if choices.currency else None
        amounts = tuple(replace(amount, currency=column) for amount in amounts)
    return tuple(amount for amount in amounts if amount.column)


def _amount(column: str, amounts: tuple[Amount, ...]) -> Amount:
    """The way that has this column; or one of its own, in the currency and with the refunds of the
    first."""
    for amount in amounts:
        if amount.column == column:
            return amount
    if not amounts:
        return Amount(column)
    return Amount(column, amounts[0].less, currency=amounts[0].currency)


def _order(mapping: Mapping, header: Header, choices: Choices) -> Mapping:
    if choices.order_lines not in (None, *ORDER_LINES):
        raise wrong_choice(
            "orderLines",
            f'"{shown(choices.order_lines or "")}" is neither {" nor ".join(ORDER_LINES)}.',
        )
    if choices.order is not None:
        order = (header.chosen("order", choices.order),) if choices.order else ()
        is_known = order and order[0] in mapping.order
        mapping = replace(
            mapping,
            order=order,
            order_apart=mapping.order_apart if is_known else (),
            order_lines=mapping.order_lines if is_known else "each",
        )
    if choices.order_lines and mapping.order:
        mapping = replace(mapping, order_lines=choices.order_lines)
    return mapping


def _state(mapping: Mapping, header: Header, choices: Choices) -> Mapping:
    if choices.state is not None:
        state = header.chosen("state", choices.state) if choices.state else None
        if state != mapping.state:
            nothing: frozenset[str] = frozenset()
            mapping = replace(mapping, state=state, keep_states=nothing, drop_states=nothing)
    if choices.keep_states is not None and mapping.state:
        mapping = replace(
            mapping,
            keep_states=frozenset(map(states.plain, choices.keep_states)),
            drop_states=frozenset((states.OTHERS,)),
        )
    return mapping
