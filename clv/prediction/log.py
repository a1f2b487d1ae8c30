"""A tenant's log: what its customers did, day by day, as models learn from it.

Pure. Days are days since 1970 in the tenant's time zone; amounts are in the unit of the caller.
"""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True, slots=True)
class Log:
    """One row per customer and day, ordered by both: arrays of the same length.

    :param customers: number of customers; each has a row
    :param customer: the customer's number, from 0
    :param visits: interactions
    :param converts: whether it is a conversion day
    :param spent: value of the day's conversions and corrections
    :param total: value of everything on the day
    :param first_contact: the day of the day's first contact, which may be earlier
    :param last_contact: the day of its last one
    """

    customers: int
    customer: np.ndarray
    day: np.ndarray
    visits: np.ndarray
    converts: np.ndarray
    spent: np.ndarray
    total: np.ndarray
    first_contact: np.ndarray
    last_contact: np.ndarray

    @property
    def is_contact(self) -> np.ndarray:
        """Whether a row is more than corrections."""
        return self.converts | (self.visits > 0)

    def between(self, first_day: int, last_day: int) -> "Log":
        """The rows of these days; customers keep their numbers."""
        kept = (self.day >= first_day) & (self.day <= last_day)
        return Log(
            self.customers,
            self.customer[kept],
            self.day[kept],
            self.visits[kept],
            self.converts[kept],
            self.spent[kept],
            self.total[kept],
            self.first_contact[kept],
            self.last_contact[kept],
        )

    def in_units(self, unit: float) -> "Log":
        """The same with all amounts in another unit: divided by this."""
        return replace(self, spent=self.spent / unit, total=self.total / unit)

    def span(self) -> tuple[int, int] | None:
        """The days of the first and the last conversion; None without any."""
        days = self.day[self.converts]
        return (int(days.min()), int(days.max())) if len(days) else None


_NONE = np.array([], dtype=np.int64)
EMPTY = Log(0, _NONE, _NONE, _NONE * 1.0, _NONE > 0, _NONE * 1.0, _NONE * 1.0, _NONE, _NONE)


@dataclass(frozen=True, slots=True)
class Histories:
    """Buyers' conversion days up to ``today``, as models take them: arrays of one value per buyer,
    but for ``days`` and ``buyer``.

    :param x: frequency: conversion days after the first
    :param first: the first conversion day
    :param last: the last one
    :param mean_value: mean value of all ``x + 1`` days, net of corrections
    :param last_contact: the day of the last interaction, a conversion or not
    :param days: all conversion days, in the order of buyers and days
    :param buyer: whose each of them is: the buyer's place in the other arrays
    :param today: the day that ages are counted to
    """

    x: np.ndarray
    first: np.ndarray
    last: np.ndarray
    mean_value: np.ndarray
    last_contact: np.ndarray
    days: np.ndarray
    buyer: np.ndarray
    today: int

    @property
    def t_x(self) -> np.ndarray:
        """Recency: days from the first conversion day to the last."""
        return self.last - self.first

    @property
    def age(self) -> np.ndarray:
        """T: days from the first conversion day to today."""
        return self.today - self.first

    def of(self, chosen: np.ndarray) -> "Histories":
        """Some of the buyers.

        :param chosen: booleans, one for each buyer
        """
        kept = chosen[self.buyer]
        return Histories(
            x=self.x[chosen],
            first=self.first[chosen],
            last=self.last[chosen],
            mean_value=self.mean_value[chosen],
            last_contact=self.last_contact[chosen],
            days=self.days[kept],
            buyer=(np.cumsum(chosen) - 1)[self.buyer[kept]],
            today=self.today,
        )


@dataclass(frozen=True, slots=True)
class Visits:
    """Customers without a conversion up to today: arrays of one value per customer.

    :param recency: days since the last interaction
    :param visits: number of interactions, at least 1
    """

    recency: np.ndarray
    visits: np.ndarray


@dataclass(frozen=True, slots=True)
class Population:
    """The customers of a log up to a day: the buyers' and the visitors' numbers, ascending, and
    what the models see of them. Customers who have nothing but corrections are neither."""

    buyers: np.ndarray
    histories: Histories
    visitors: np.ndarray
    visits: Visits


def newcomer(today: int) -> Histories:
    """The history of one buyer who buys for the first time today."""
    day, none = np.array([today]), np.array([0])
    return Histories(
        x=none,
        first=day,
        last=day,
        mean_value=np.array([0.0]),
        last_contact=day,
        days=day,
        buyer=none,
        today=today,
    )


def population(log: Log, today: int) -> Population:
    """Who was there by the end of this day.

    :param log: without later days
    """
    bought = log.converts
    who, start, count = np.unique(log.customer[bought], return_index=True, return_counts=True)
    day = log.day[bought]
    spent = np.bincount(log.customer, log.spent, log.customers)[who]
    contacts = log.is_contact
    visits = np.bincount(log.customer, log.visits, log.customers)
    seen = np.unique(log.customer[contacts])
    last_contact = np.zeros(log.customers, dtype=np.int64)
    np.maximum.at(last_contact, log.customer[contacts], log.last_contact[contacts])
    last_contact = np.minimum(last_contact, today)
    visitors = np.setdiff1d(seen, who, assume_unique=True)
    return Population(
        buyers=who,
        histories=Histories(
            x=count - 1,
            first=day[start],
            last=day[start + count - 1],
            mean_value=spent / count,
            last_contact=last_contact[who],
            days=day,
            buyer=np.repeat(np.arange(len(who)), count),
            today=today,
        ),
        visitors=visitors,
        visits=Visits(today - last_contact[visitors], visits[visitors]),
    )
