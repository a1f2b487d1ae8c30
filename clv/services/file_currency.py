"""Which currency of a file of transactions counts: different ones are never added up."""

from collections.abc import Sequence

from clv.errors import Invalid
from clv.files.choices import Question
from clv.services.preview import CurrencyTotal


def currency_that_counts(
    own: str | None, fixed: str | None, totals: Sequence[CurrencyTotal]
) -> str | Question | None:
    """The currency in which the amounts of a file count; None if nothing says which it is, and a
    question if only a person can.

    :param own: the tenant's, if its data stays
    :param fixed: of all amounts of the file, if the layout or a choice says so
    :param totals: what the file has in each
    :raises Invalid: when the file has nothing in the tenant's currency
    """
    named = [total for total in totals if total.currency]
    kept = own or fixed
    if own and fixed and fixed != own:
        raise _wrong_currency(fixed, own)
    if kept is None and len(named) > 1:
        return _question(named)
    if kept is None:
        return named[0].currency if named else None
    others = [str(total.currency) for total in named if total.currency != kept]
    if others and len(others) == len(totals):
        raise _wrong_currency(others[0], kept)
    return kept


def _wrong_currency(code: str, own: str) -> Invalid:
    return Invalid(
        f"The amounts of the file are in {code}, but the tenant's are in {own}, and different"
        f" currencies can't be added up. Say what one {code} is worth, such as rate={code}:0.92.",
        {"query": {"rate": [f"Is needed for {code}."]}},
    )


def _question(named: Sequence[CurrencyTotal]) -> Question:
    counts = ", ".join(f"{total.transactions:,} in {total.currency}" for total in named)
    return Question(
        "currency",
        tuple(str(total.currency) for total in named),
        f"The transactions are in several currencies ({counts}), and these can't be added up."
        " Which one counts? The others are left out, or converted if you give their rates.",
    )
