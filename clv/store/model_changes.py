"""When another model began to predict a tenant's revenue or churn: written with the plan of the
full run that decided so."""

from typing import NamedTuple

from clv import db
from clv.prediction.choice import PREDICTIONS, RFM, Calibration, Choice


class ModelChange(NamedTuple):
    """A prediction that another model makes.

    :param at_ms: the time as of which the full run computes that decided so
    :param prediction: ``revenue`` or ``churn``
    :param reason: a sentence
    """

    at_ms: int
    prediction: str
    from_model: str
    to_model: str
    reason: str


_COLUMNS = ", ".join(ModelChange._fields)


def note(tenant_id: int, before: Calibration | None, now: Calibration, at_ms: int) -> None:
    """Add a row for each prediction whose model is another one. Inside the caller's transaction.

    :param before: what served until now; None if that is not known any more
    """
    for prediction in PREDICTIONS:
        previous: Choice | None = getattr(before, prediction, None)
        from_model = previous.name if previous else _last(tenant_id, prediction)
        choice: Choice = getattr(now, prediction)
        if choice.name == from_model:
            continue
        db.execute(
            f"INSERT INTO model_change (tenant_id, {_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (tenant_id, at_ms, prediction)"
            " DO UPDATE SET to_model = excluded.to_model, reason = excluded.reason",
            (tenant_id, at_ms, prediction, from_model, choice.name, choice.reason),
        )


def newest(tenant_id: int, since_ms: int, limit: int) -> list[ModelChange]:
    """A tenant's changes since a time, newest first."""
    rows = db.rows(
        f"SELECT {_COLUMNS} FROM model_change WHERE tenant_id = %s AND at_ms >= %s"
        " ORDER BY at_ms DESC, prediction DESC LIMIT %s",
        (tenant_id, since_ms, limit),
    )
    return [ModelChange(*row) for row in rows]


def prune(tenant_id: int, before_ms: int, latest_ms: int) -> None:
    """Delete changes before a time, and those after a time that is still to come."""
    db.execute(
        "DELETE FROM model_change WHERE tenant_id = %s AND (at_ms < %s OR at_ms > %s)",
        (tenant_id, before_ms, latest_ms),
    )


def _last(tenant_id: int, prediction: str) -> str:
    """The model of the last change; before the first one rfm serves."""
    row = db.row(
        "SELECT to_model FROM model_change WHERE tenant_id = %s AND prediction = %s"
        " ORDER BY at_ms DESC LIMIT 1",
        (tenant_id, prediction),
    )
    return row[0] if row else RFM
