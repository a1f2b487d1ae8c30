"""Schemas of the lists of scored customers."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from clv.api.paging import Position, Signed
from clv.api.schemas.base import (
    Amount,
    AmountText,
    CustomerId,
    Items,
    Output,
    PageQuery,
    Pagination,
    Probability,
    Time,
    TimeInQuery,
    Word,
    camel_case,
    checked,
)
from clv.api.schemas.included import HorizonDays, Words, fields_of
from clv.budgets import MAX_CUSTOMERS
from clv.domain import values
from clv.domain.activity import ACTIVITIES, LOST_AFTER
from clv.domain.groups import NAMES
from clv.domain.overview import NEW_DAYS
from clv.domain.scoring import SEGMENTS
from clv.domain.units import MAX_STORED_INTEGER
from clv.files.audiences import TARGETS
from clv.files.included import WORDS, column_names
from clv.files.writer import SORTS
from clv.services.included import Include
from clv.store.listing import Filter

# The type of what a list is sorted by.
_SORTED_BY = {
    "customer_id": str,
    "score": float,
    "predicted_revenue": int,
    "revenue_at_risk": float,
    "recency_days": int,
    "frequency": int,
    "monetary": Signed,
    "churn_probability": float,
}
POSITIONS = {
    sort: Position({"value": _SORTED_BY[order.by], "scores.customer_id": str}, sort)
    for sort, order in SORTS.items()
}


class _Score(fields.Float):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(load_default=None, validate=validate.Range(0, 100), **kwargs)


class _Whole(fields.Integer):
    def __init__(self, **kwargs: Any) -> None:
        limits = validate.Range(0, MAX_STORED_INTEGER)
        super().__init__(load_default=None, validate=limits, **kwargs)


class _IdPart(fields.String):
    """A part of a customer's id."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return checked(values.id_part, value)


class RecordsQuery(PageQuery):
    """Which scored customers, in which order; the page is that of a JSON answer."""

    segment = Word(SEGMENTS, load_default=None)
    customer_ids = Items(
        CustomerId(),
        1,
        MAX_CUSTOMERS,
        data_key="customerId",
        load_default=None,
        metadata={"description": "Only these customers: may be given up to 100 times"},
    )
    search = _IdPart(
        load_default=None,
        metadata={
            "description": "Only customers with this part in their ids, letters of either case;"
            " no character is a wildcard",
            "example": "smith",
        },
    )
    min_score = _Score(metadata={"description": "Of the unrounded score"})
    max_score = _Score(metadata={"description": "Of the unrounded score"})
    min_recency = _Whole(metadata={"description": "Days since the last interaction"})
    max_recency = _Whole(metadata={"description": "Days since the last interaction"})
    min_frequency = _Whole(metadata={"description": "Interactions"})
    max_frequency = _Whole(metadata={"description": "Interactions"})
    min_revenue = AmountText(
        load_default=None, metadata={"description": "Of the predicted revenue"}
    )
    min_tenure_days = _Whole(metadata={"description": "Days since the first interaction"})
    max_tenure_days = _Whole(
        metadata={
            "description": "Days since the first interaction; new customers have at most"
            f" {NEW_DAYS - 1}"
        }
    )
    activity = Word(
        ACTIVITIES,
        load_default=None,
        metadata={
            "description": "By the tenant's at-risk days D: active (silent for less than D days),"
            f" slipping (for D days or more), lost (for {LOST_AFTER} D or more), none (no"
            " interaction)"
        },
    )
    rfm_group = Word(
        NAMES,
        load_default=None,
        metadata={"description": "The customers of an RFM group, by the current distribution"},
    )
    computed_after = TimeInQuery(
        load_default=None,
        may_be_ahead=True,
        metadata={
            "description": "Later than this time. Not to keep a copy in step: the records of a run"
            " bear its asOf, and appear while it goes on"
        },
    )
    computed_before = TimeInQuery(
        load_default=None, may_be_ahead=True, metadata={"description": "Earlier than this time"}
    )
    sort = Word(
        tuple(SORTS),
        load_default="customerId",
        metadata={
            "description": "`-`: descending; customers who tie are in the order of their ids,"
            " backwards in a descending list"
        },
    )
    include = Words()
    horizon_days = HorizonDays("Needs include=forecast; else 365, or the lifespan if that is less")
    audience = Word(
        tuple(TARGETS),
        data_key="format",
        load_default=None,
        metadata={
            "description": "All that match, as a CSV in the layout that Klaviyo, Google Customer"
            " Match or Meta takes, whatever `Accept` says: only customers whose ids are e-mail"
            " addresses"
        },
    )
    count = fields.Boolean(
        load_default=False, metadata={"description": "Count the total, whatever it costs"}
    )

    @validates_schema
    def _check_ranges(self, data: dict[str, Any], **kwargs: Any) -> None:
        for what in ("score", "recency", "frequency", "tenure_days"):
            least, most = f"min_{what}", f"max_{what}"
            if _both(data, least, most) and data[least] > data[most]:
                raise ValidationError(
                    f"Must not be more than {camel_case(most)}.", camel_case(least)
                )
        after, before = "computed_after", "computed_before"
        if _both(data, after, before) and data[after] >= data[before]:
            raise ValidationError(f"Must be earlier than {camel_case(before)}.", camel_case(after))

    @post_load
    def _collect_filters(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        filters = {field.name: data.pop(field.name) for field in dataclasses.fields(Filter)}
        sort = data["sort"]
        return {
            **data,
            "include": Include(data["include"], data.pop("horizon_days")),
            "matching": Filter(**filters),
            "order": SORTS[sort],
            "position": POSITIONS[sort],
        }


class Record(Output):
    """A scored customer."""

    class Meta(Output.Meta):
        include = {
            name: field for word in WORDS for name, field in fields_of(word, of_record=True).items()
        }

    customer_id = fields.String(
        attribute="scores.customer_id", required=True, metadata={"example": "CUST-001"}
    )
    clv_score = fields.Integer(
        attribute="scores.clv_score",
        required=True,
        metadata={"minimum": 0, "maximum": 100, "example": 72},
    )
    predicted_revenue = Amount(
        attribute="scores.predicted_revenue",
        required=True,
        metadata={"minimum": 0, "example": 1440.0},
    )
    churn_probability = Probability(
        attribute="scores.churn_probability",
        required=True,
        metadata={"minimum": 0, "maximum": 1, "example": 0.119},
    )
    revenue_at_risk = Amount(
        attribute="scores.revenue_at_risk",
        required=True,
        metadata={
            "description": "Predicted revenue × churn probability",
            "minimum": 0,
            "example": 171.7,
        },
    )
    rfm_recency = fields.Integer(
        attribute="scores.recency_days", required=True, metadata={"minimum": 0, "example": 5}
    )
    rfm_frequency = fields.Integer(
        attribute="scores.frequency", required=True, metadata={"minimum": 0, "example": 48}
    )
    rfm_monetary = Amount(attribute="scores.monetary", required=True, metadata={"example": 360.0})
    segment = fields.String(
        attribute="scores.segment",
        required=True,
        validate=validate.OneOf(SEGMENTS),
        metadata={"example": "high"},
    )
    computed_at = Time(
        attribute="scores.computed_ms",
        required=True,
        metadata={"example": "2026-04-03T10:30:00.000Z"},
    )
    job_id = fields.UUID(
        required=True,
        allow_none=True,
        metadata={"description": "The batch that computed it; null after a single computation"},
    )


class RecordPagination(Pagination):
    """Where a list of customers goes on."""

    total = fields.Integer(
        required=True,
        allow_none=True,
        metadata={
            "description": "Of all pages: with `count`; or unfiltered, or by segment alone, then"
            " for a tenant of more than 10,000 customers as of its last finished batch. Else null"
        },
    )


class RecordList(Output):
    """Scored customers."""

    data = fields.List(fields.Nested(Record), required=True)
    pagination = fields.Nested(RecordPagination, required=True)


def record_list(words: Sequence[str]) -> RecordList:
    """The schema of a list with the fields that these words add, and no others."""
    left_out = set(column_names(tuple(WORDS))) - set(column_names(words))
    return RecordList(exclude=[f"data.{name}" for name in left_out])


def _both(data: dict[str, Any], first: str, second: str) -> bool:
    return data[first] is not None and data[second] is not None
