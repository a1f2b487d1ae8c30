"""Schemas of erasing many customers."""

from marshmallow import fields

from clv.api.schemas.base import CustomerId, Input, Items, Output
from clv.budgets import MAX_ERASED


class ErasureRequest(Input):
    """Whom to erase."""

    customer_ids = Items(
        CustomerId(),
        1,
        MAX_ERASED,
        required=True,
        metadata={"example": ["CUST-001", "CUST-002"]},
    )


class Erasure(Output):
    """What was erased."""

    erased = fields.Integer(required=True, metadata={"description": "Customers", "example": 1})
    not_found = fields.Integer(
        required=True,
        metadata={"description": "Ids that there was nothing of", "example": 1},
    )
