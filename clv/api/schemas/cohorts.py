"""Schemas of cohorts."""

from marshmallow import fields, validate

from clv.api.schemas.base import (
    Amount,
    AmountText,
    Exact,
    Input,
    Output,
    Probability,
    Rounded,
    StoredAmount,
    Time,
    Word,
)
from clv.domain.cohorts import GRANULARITIES, MOST_AGES, MOST_COHORTS


class CohortsQuery(Input):
    """Which cohorts."""

    by = Word(list(GRANULARITIES), load_default="month")
    acquisition_cost = AmountText(
        load_default=None,
        validate=validate.Range(0),
        metadata={"description": "Of a new customer; left out: that of the tenant's settings"},
    )


class CohortAge(Output):
    """What the customers of a cohort did in one month (quarter)."""

    age = fields.Integer(required=True)
    buyers = fields.Integer(
        required=True, metadata={"description": "Customers with a conversion in it"}
    )
    share = Probability(
        required=True,
        metadata={
            "description": "Buyers ÷ customers of the cohort; at age 0 all of them",
            "minimum": 0,
            "maximum": 1,
        },
    )
    conversions = fields.Integer(required=True)
    revenue = Amount(required=True, metadata={"description": "Net of corrections"})
    cumulative_conversions_per_customer = Rounded(
        3, required=True, metadata={"description": "From age 0 to this one", "minimum": 0}
    )
    cumulative_revenue_per_customer = Amount(
        required=True, metadata={"description": "From age 0 to this one, net of corrections"}
    )
    cumulative_margin_per_customer = Amount(
        required=True, metadata={"description": "The same, times grossMargin"}
    )


class Cohort(Output):
    """The customers whose first conversion was in one month (quarter)."""

    cohort = fields.String(
        required=True, metadata={"description": "By quarter: 2026-Q1", "example": "2026-03"}
    )
    customers = fields.Integer(required=True, metadata={"minimum": 1})
    complete = fields.Boolean(
        required=True, metadata={"description": "False: its own month had not ended"}
    )
    revenue = Amount(
        required=True,
        metadata={"description": "To date, also of the month that has not ended"},
    )
    payback_age = fields.Integer(
        required=True,
        allow_none=True,
        metadata={
            "description": "The first age at which the cumulative margin a customer is at least the"
            " acquisition cost; null: not yet, or there is no such cost"
        },
    )
    ages = fields.List(
        fields.Nested(CohortAge, allow_none=True),
        required=True,
        validate=validate.Length(1, MOST_AGES),
        metadata={
            "description": "The n-th is of age n; null: the month had not ended when the data last"
            " changed. The last one is of the tenant's last month with a conversion or with revenue"
        },
    )


class EarlierCohorts(Output):
    """The cohorts before the listed ones, all together."""

    cohorts = fields.Integer(required=True)
    customers = fields.Integer(required=True)
    revenue = Amount(required=True, metadata={"description": "To date"})


class CohortReport(Output):
    """A tenant's cohorts as of the last full run."""

    by = fields.String(required=True, validate=validate.OneOf(list(GRANULARITIES)))
    currency = fields.String(required=True, metadata={"example": "USD"})
    time_zone = fields.String(
        required=True, metadata={"description": "Whose months they are", "example": "Europe/Berlin"}
    )
    as_of = Time(
        attribute="as_of_ms",
        required=True,
        allow_none=True,
        metadata={"description": "The run's time; null before the first full run"},
    )
    stale = fields.Boolean(
        required=True, metadata={"description": "The run is older than 36 hours, or than the data"}
    )
    gross_margin = Exact(
        required=True, metadata={"description": "Of the tenant's settings", "example": 0.4}
    )
    acquisition_cost = StoredAmount(
        required=True,
        allow_none=True,
        metadata={"description": "Of a customer: as asked, or of the settings", "example": 12.5},
    )
    cohorts = fields.List(
        fields.Nested(Cohort),
        required=True,
        validate=validate.Length(max=MOST_COHORTS),
        metadata={"description": "The latest that have customers, the oldest first"},
    )
    earlier = fields.Nested(EarlierCohorts, required=True, allow_none=True)
    revenue_without_conversion = Amount(
        attribute="unconverted_revenue",
        required=True,
        allow_none=True,
        metadata={
            "description": "Of customers without any conversion, who are in no cohort: corrections,"
            " and interactions with a value"
        },
    )
    message = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Why there are no cohorts, if there can't be any yet"},
    )
