"""Purchases of one customer, from the days."""

from collections.abc import Iterable

from clv.domain.calendar import key_of
from clv.domain.scoring import Purchases


def bought_on(days: Iterable[int], value: int) -> Purchases:
    """Conversion days, in days since 1970, and what was spent on them, in 1/10,000."""
    return Purchases(",".join(map(key_of, days)), value)
