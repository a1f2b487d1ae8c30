"""Schemas of customers added up: any group, the segments, and the RFM groups with their grid."""

from marshmallow import fields, validate

from clv.api.schemas.base import Amount, Exact, Output
from clv.domain import activity
from clv.domain.groups import GRID, GROUPS, NAMES

ABOUT_GRID = (
    "Each place of the grid of recency against frequency and monetary, the best recency first. All"
    " RFM groups but the prospects, who are not on it. Null where the run had no distribution, and"
    " as runs stored it before there were groups"
)


_FIFTH = validate.Range(1, 5)


class Group(Output):
    """Some customers."""

    customers = fields.Integer(required=True)
    mean_score = Exact(
        required=True, allow_none=True, metadata={"description": "Null without customers"}
    )
    revenue = Amount(required=True, metadata={"description": "To date"})
    predicted_revenue = Amount(
        required=True,
        metadata={"description": "Revenue so far, projected at its run rate over the lifespan"},
    )
    revenue_at_risk = Amount(
        required=True, metadata={"description": "Σ predicted revenue × churn probability"}
    )


class SegmentGroups(Output):
    """The customers of each segment."""

    high = fields.Nested(Group, required=True)
    medium = fields.Nested(Group, required=True)
    low = fields.Nested(Group, required=True)
    at_risk = fields.Nested(Group, required=True, data_key="at_risk")


class RfmGroups(Output):
    """The customers of each RFM group."""

    class Meta(Output.Meta):
        include = {
            group.name: fields.Nested(
                Group,
                required=True,
                data_key=group.name,
                metadata={"description": f"Customers who {group.about}"},
            )
            for group in GROUPS
        }


class RfmCell(Output):
    """The customers at a place on the grid of the RFM groups."""

    recency = fields.Integer(
        required=True, validate=_FIFTH, metadata={"description": "The fifth; 5 is the best"}
    )
    frequency_monetary = fields.Integer(
        required=True,
        validate=_FIFTH,
        metadata={"description": "The mean of both fifths, rounded half up"},
    )
    group = fields.String(
        required=True,
        validate=validate.OneOf(sorted({group.name for group in GRID.values()})),
        metadata={"description": "The RFM group that the place belongs to"},
    )
    customers = fields.Integer(required=True)
    revenue = Amount(required=True, metadata={"description": "To date"})
    predicted_revenue = Amount(required=True)
    revenue_at_risk = Amount(required=True)


# What an explanation says of the fifths of its norms.
EXPLAINED: dict[str, fields.Field] = {
    "rfm": fields.String(
        attribute="explanation.rfm.digits",
        required=True,
        metadata={
            "description": "Recency, frequency and monetary in fifths; 5 is the best",
            "example": "545",
        },
    ),
    "rfm_group": fields.String(
        attribute="explanation.rfm.group.name", required=True, validate=validate.OneOf(NAMES)
    ),
    "rfm_advice": fields.String(
        attribute="explanation.rfm.group.advice",
        required=True,
        metadata={"description": "What to do with the customers of this RFM group"},
    ),
}


def about(name: str) -> dict[str, str]:
    """The metadata of a field with the customers of this activity."""
    silent = {
        activity.SLIPPING: f"at least the at-risk days, but not {activity.LOST_AFTER} times that",
        activity.LOST: f"{activity.LOST_AFTER} times the at-risk days or more",
    }[name]
    return {
        "description": f"Customers with interactions who were silent for {silent}. Null as runs"
        " stored it before the two were told apart"
    }
