"""The page of one customer: the record, its explanation and its history, and Recompute."""

from typing import Any

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from clv.auth.principal import Role
from clv.budgets import SEAT_SECONDS
from clv.dashboard.blueprint import blp, needs, page
from clv.domain.scoring import Scores
from clv.domain.settings import MODEL_NAMES
from clv.errors import NotFound
from clv.http.access import principal, seat
from clv.http.parser import checked_customer_id
from clv.prediction.forecast import Forecast
from clv.services import customers, explanations, forecasts
from clv.services.explanations import Explained
from clv.store.changes import Change
from clv.store.tenants import Tenant

HISTORY_ROWS = 100


@blp.get("/find")
def customer_find() -> Response:
    """Lead to the customer with this id."""
    customer_id = request.args.get("customerId", "").strip()
    if not customer_id or "/" in customer_id or customer_id in (".", ".."):
        raise NotFound("There is no customer with this id: ids have 1 to 128 characters, no slash.")
    return redirect(url_for("dashboard.customer_page", customer_id=customer_id), 303)


@blp.get("/customers/<customer_id>")
def customer_page(customer_id: str) -> str:
    """The record, the explanation and the history."""
    tenant, customer_id = principal().tenant, checked_customer_id(customer_id)
    scores, _ = customers.get_clv(tenant.id, customer_id)
    changes = customers.customer_history(tenant, customer_id, None, HISTORY_ROWS)
    explained = _explained(tenant, customer_id)
    return page(
        "customer.html",
        tenant=tenant,
        scores=scores,
        explained=explained,
        forecast=explained and _usual(tenant, explained),
        changes=changes,
        history=_chart(changes, scores),
        model=MODEL_NAMES[scores.model],
    )


@blp.post("/customers/<customer_id>/recompute")
@needs(Role.EDITOR)
def customer_recompute(customer_id: str) -> Response:
    """Compute the record again."""
    customers.recompute_clv(principal().tenant, checked_customer_id(customer_id))
    address = url_for("dashboard.customer_page", customer_id=customer_id, notice="recomputed")
    return redirect(address, 303)


def _explained(tenant: Tenant, customer_id: str) -> Explained | None:
    """None when the summaries behind the record are gone."""
    try:
        with seat(SEAT_SECONDS):
            return explanations.explain_clv(tenant, customer_id)
    except NotFound:
        return None


def _usual(tenant: Tenant, explained: Explained) -> Forecast:
    """The forecast that lists have, too."""
    usual = forecasts.horizon(tenant, None)
    return next(each for each in explained.forecasts if each.horizon_days == usual)


def _chart(changes: list[Change], scores: Scores) -> dict[str, Any]:
    """The chart of the score over time, oldest first, up to the record."""
    points = [(change.at_ms, change.score, change.segment) for change in changes[::-1]]
    if points and points[-1][0] < scores.computed_ms:
        points.append((scores.computed_ms, scores.score, scores.segment))
    return {
        "kind": "history",
        "times": [at_ms for at_ms, _, _ in points],
        "values": [round(score, 2) for _, score, _ in points],
        "segments": [segment for _, _, segment in points],
    }
