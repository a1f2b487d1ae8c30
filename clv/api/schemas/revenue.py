"""Schemas of the revenue by day, week or month."""

from decimal import ROUND_HALF_UP, Decimal
from json import dumps
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from clv.api.schemas.base import Amount, Input, Output, Probability, Time, Word, cents, checked
from clv.domain import periods
from clv.domain.calendar import iso, key_of
from clv.domain.revenue import Figures, Period
from clv.services.revenue import Revenue


class PeriodInQuery(fields.String):
    """A day, a week or a month; its first and its last day since 1970."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return checked(periods.span, super()._deserialize(value, *args, **kwargs))


class Day(fields.Date):
    """A day out, given in days since 1970."""

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else key_of(value)


class RevenueQuery(Input):
    """Which periods."""

    kind = Word(
        periods.KINDS,
        data_key="by",
        load_default=None,
        metadata={
            "description": "Left out: the shortest that the tenant's summaries tell of. Daily ones"
            " add up to each; weekly and monthly ones only to weeks or to months"
        },
    )
    start = PeriodInQuery(
        data_key="from",
        load_default=None,
        metadata={
            "description": "A day (2026-04-30), a week (2026-W18) or a month (2026-04), from the"
            " beginning of the period that it begins in. Left out: 30 days, 26 weeks or 24 months"
            " before the end, but none before the data",
            "example": "2026-01-01",
        },
    )
    end = PeriodInQuery(
        data_key="to",
        load_default=None,
        metadata={
            "description": "Likewise, to the end of the period that it ends in. Left out: where"
            " the data end; at the latest today",
            "example": "2026-04-30",
        },
    )

    @validates_schema
    def _check_order(self, data: dict[str, Any], **kwargs: Any) -> None:
        start, end = data["start"], data["end"]
        if start is not None and end is not None and start[0] > end[1]:
            raise ValidationError("Must not be later than to.", "from")

    @post_load
    def _take_days(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        start, end = data["start"], data["end"]
        return {
            "kind": data["kind"],
            "start": None if start is None else start[0],
            "end": None if end is None else end[1],
        }


def _of(source: str, *, buyers_known: bool = True) -> dict[str, fields.Field]:
    """The figures that a schema takes from an attribute."""
    return {
        "revenue": Amount(
            attribute=f"{source}revenue",
            required=True,
            metadata={"description": "Net of corrections", "example": 12345.6},
        ),
        "conversions": fields.Integer(attribute=f"{source}conversions", required=True),
        "customers": fields.Integer(
            attribute=f"{source}customers",
            required=True,
            allow_none=not buyers_known,
            metadata={"description": "Who bought"},
        ),
        "new_buyers": fields.Integer(
            attribute=f"{source}new_buyers",
            required=True,
            metadata={"description": "Those of them who never bought before"},
        ),
        "returning_share": Probability(
            attribute=f"{source}returning_share",
            required=True,
            allow_none=True,
            metadata={
                "description": "The share of the others among those who bought; null without any",
                "minimum": 0,
                "maximum": 1,
            },
        ),
        "average_conversion_value": Amount(
            attribute=f"{source}average_conversion_value",
            required=True,
            allow_none=True,
            metadata={"description": "Revenue by conversion; null without any"},
        ),
    }


class RevenueFigures(Output):
    """What came in."""

    class Meta(Output.Meta):
        include = _of("")


class RevenueTotal(Output):
    """What came in from the first day to the last."""

    class Meta(Output.Meta):
        include = _of("", buyers_known=False)


_PREVIOUS = fields.Nested(
    RevenueFigures,
    required=True,
    allow_none=True,
    metadata={
        "description": "The same of the period before. Null while this one is not complete, for it"
        " would seem low; and if there are no data of the time before"
    },
)


class RevenuePeriod(Output):
    """What came in in a period, and in the one before."""

    class Meta(Output.Meta):
        include = {**_of("figures."), "previous": _PREVIOUS}

    period = fields.String(attribute="key", required=True, metadata={"example": "2026-04"})
    first_day = Day(required=True)
    last_day = Day(required=True)
    complete = fields.Boolean(
        required=True,
        metadata={"description": "Whether the period is over, in the tenant's time zone"},
    )


class RevenueByPeriod(Output):
    """Revenue by day, week or month, in order of time."""

    by = fields.String(attribute="kind", required=True, validate=validate.OneOf(periods.KINDS))
    currency = fields.String(required=True, metadata={"example": "USD"})
    time_zone = fields.String(
        required=True, metadata={"description": "Whose days these are", "example": "Europe/Berlin"}
    )
    as_of = Time(
        attribute="as_of_ms",
        required=True,
        allow_none=True,
        metadata={
            "description": "When the data last changed: the figures have all of it. Null before the"
            " first data"
        },
    )
    start = Day(
        attribute="first_day",
        data_key="from",
        required=True,
        allow_none=True,
        metadata={"description": "The first day of the first period; null without periods"},
    )
    end = Day(
        attribute="last_day",
        data_key="to",
        required=True,
        allow_none=True,
        metadata={"description": "The last day of the last period"},
    )
    data = fields.List(fields.Nested(RevenuePeriod), attribute="periods", required=True)
    total = fields.Nested(
        RevenueTotal,
        required=True,
        metadata={
            "description": "Customers are null, and with them the share, where some may have bought"
            " in several periods: they are known of a single day, week or month, and if nobody"
            " bought before"
        },
    )


_FIGURES = (
    '"revenue":%r,"conversions":%d,"customers":%s,"newBuyers":%d,"returningShare":%s,'
    '"averageConversionValue":%s'
)
_PERIOD = '{"period":"%s","firstDay":"%s","lastDay":"%s","complete":%s,%s,"previous":%s}'
_ANSWER = (
    '{"by":"%s","currency":%s,"timeZone":%s,"asOf":%s,"from":%s,"to":%s,"data":[%s],"total":{%s}}\n'
)
_THOUSANDTH = Decimal("0.001")


def revenue_json(found: Revenue) -> str:
    """A :class:`RevenueByPeriod` as JSON: the same text as the schema and Flask's encoder make,
    which take 70 ms of processor time for three years of days; this takes 10.

    ``tests.bench.revenue`` measures the whole answer.
    """
    # Those of a period are also what the next one is compared with.
    texts: dict[Figures | None, str] = {None: "null"}
    return _ANSWER % (
        found.kind,
        dumps(found.currency),
        dumps(found.time_zone),
        dumps(iso(found.as_of_ms)),
        _day(found.first_day),
        _day(found.last_day),
        ",".join(_period_json(each, texts) for each in found.periods),
        _figures_json(found.total),
    )


def _period_json(period: Period, texts: dict[Figures | None, str]) -> str:
    for figures in (period.figures, period.previous):
        if figures is not None and figures not in texts:
            texts[figures] = f"{{{_figures_json(figures)}}}"
    return _PERIOD % (
        period.key,
        key_of(period.first_day),
        key_of(period.last_day),
        "true" if period.complete else "false",
        texts[period.figures][1:-1],
        texts[period.previous],
    )


def _figures_json(figures: Figures) -> str:
    share, average = figures.returning_share, figures.average_conversion_value
    return _FIGURES % (
        _money(figures.revenue),
        figures.conversions,
        dumps(figures.customers),
        figures.new_buyers,
        "null" if share is None else repr(_rounded(share)),
        "null" if average is None else repr(_money(average)),
    )


def _money(amount: int | Decimal) -> float:
    return float(cents(amount)) + 0.0


def _rounded(share: float) -> float:
    return float(Decimal(share).quantize(_THOUSANDTH, ROUND_HALF_UP))


def _day(day: int | None) -> str:
    return "null" if day is None else f'"{key_of(day)}"'
