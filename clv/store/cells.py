"""A tenant's records added up, in one pass: what its overview is made of."""

from clv import db
from clv.domain.activity import ACTIVITIES, lost_days
from clv.domain.groups import FifthStarts
from clv.domain.overview import BIN_WIDTH, NEW_DAYS, Cell
from clv.store import rfm


def cells(
    tenant_id: int, at_risk_days: int, overdue_days: int, starts: FifthStarts | None
) -> list[Cell]:
    """All of a tenant's records, added up by segment, bin of the score, newness, activity, and
    place on the grid of the RFM groups.

    :param overdue_days: a customer without interactions for this long is overdue
    :param starts: where the fifths begin; None where no distribution tells
    """
    bin_number = f"score / {BIN_WIDTH}" if db.is_sqlite() else f"FLOOR(score / {BIN_WIDTH})"
    total = "TOTAL(%s)" if db.is_sqlite() else "SUM(CAST(%s AS DOUBLE PRECISION))"
    at_risk = "predicted_revenue * churn_probability"
    sums = ", ".join(total % sum for sum in ("score", "monetary", "predicted_revenue", at_risk))
    place = "0" if starts is None else rfm.place(starts)
    rows = db.rows(
        # One number for all groups but the segment: SQLite sorts all records by it.
        f"SELECT (((CAST({bin_number} AS INTEGER) * 2"
        " + CASE WHEN tenure_days < %s THEN 1 ELSE 0 END) * 2"
        " + CASE WHEN frequency > 0 AND recency_days >= %s THEN 1 ELSE 0 END) * 4"
        # The numbers are those of the activities.
        " + CASE WHEN frequency <= 0 THEN 3 WHEN recency_days < %s THEN 0"
        f" WHEN recency_days < %s THEN 1 ELSE 2 END) * {rfm.PLACES} + {place} AS kind,"
        f" segment, COUNT(*), {sums} FROM clv_record r WHERE tenant_id = %s GROUP BY kind, segment",
        (NEW_DAYS, overdue_days, at_risk_days, lost_days(at_risk_days), tenant_id),
    )
    return [_cell(starts is not None, *row) for row in rows]


def _cell(has_places: bool, kind: int, segment: str, customers: int, *sums: float) -> Cell:
    kind, place = divmod(kind, rfm.PLACES)
    kind, activity = divmod(kind, len(ACTIVITIES))
    kind, is_overdue = divmod(kind, 2)
    bin_number, is_new = divmod(kind, 2)
    return Cell(
        segment,
        bin_number,
        is_new == 1,
        ACTIVITIES[activity],
        is_overdue == 1,
        divmod(place, rfm.PLACES_EACH) if has_places else None,
        customers,
        *sums,
    )
