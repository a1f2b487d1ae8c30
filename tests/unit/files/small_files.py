"""Small files as text, and what their columns are taken for."""

from clv.files.choices import Choices
from clv.files.columns.resolve import resolve

SHOPIFY = "Name,Email,Phone,Financial Status,Currency,Total,Refunded Amount,Created at,Notes"
SHOPIFY += ",Lineitem name,Lineitem quantity,Cancelled at"


def read(text, **choices):
    """What a small file with this text is taken for; semicolons part cells if there are any."""
    delimiter = ";" if ";" in text else ","
    header, *rows = [line.split(delimiter) for line in text.splitlines()]
    return resolve(header, rows, Choices(**choices))


def brief(text, **choices):
    """Which columns a file's customer, time and amount are, and what else is used."""
    resolved = read(text, **choices)
    assert resolved.profile is None and not resolved.questions, resolved.questions
    mapping = resolved.mapping
    amount = mapping.amounts[0]
    used = {
        "clock": mapping.clock,
        "zone": mapping.zone,
        "refund": amount.less[0].column if amount.less else None,
        "times": amount.times,
        "currency": amount.currency or resolved.fixed_currency,
        "order": mapping.order[0] if mapping.order else None,
        "lines": mapping.order_lines if mapping.order_lines != "each" else None,
        "state": mapping.state,
        "cancelled": mapping.cancelled,
    }
    names = [*mapping.customer, *mapping.time, amount.column]
    return " ".join(names), {name: column for name, column in used.items() if column}
