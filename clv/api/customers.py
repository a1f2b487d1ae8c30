"""One customer's lifetime value."""

import re
from dataclasses import asdict
from typing import Any

from flask import request
from flask.views import MethodView

from clv.api import paging
from clv.api.insights import change_view
from clv.api.schemas.base import PageQuery
from clv.api.schemas.customers import Clv, Explanation, clv_json
from clv.api.schemas.insights import ScoreHistory
from clv.api.tenant import settings_view
from clv.auth.principal import Role
from clv.domain.explanation import Contribution
from clv.domain.scoring import FORMULA_VERSION, MODELS, Scores
from clv.domain.units import AMOUNT_SCALE
from clv.http.access import ClvBlueprint, principal
from clv.http.headers import Answer
from clv.http.parser import checked_customer_id
from clv.prediction import calibrated
from clv.prediction.btyd import Parameters
from clv.services import customers, erasure

blp = ClvBlueprint("customers", __name__, url_prefix="/api/v1", description="One customer")

_MAX_AGE = re.compile(r"(?:^|,)\s*max-age\s*=\s*\"?(\d{1,10})\"?\s*(?:,|$)", re.IGNORECASE)

_CUSTOMER_ID = {
    "in": "path",
    "name": "customerId",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": 128},
    "description": "Without '/', control characters or outer space; not '.' or '..'",
}
_CACHE_CONTROL = {
    "in": "header",
    "name": "Cache-Control",
    "required": False,
    "schema": {"type": "string"},
    "example": "max-age=86400",
    "description": "max-age=N: compute a record again that is older than N seconds",
}
_MODEL = {
    "X-CLV-Model": {
        "required": True,
        "schema": {"type": "string", "enum": MODELS},
        "description": "What predicted revenue and churn: a model and its version",
    }
}
_NOT_SUMMABLE = (
    "Of this customer alone: the revenue of many is far less uncertain, and the sum of their"
    " intervals is not an interval of their sum."
)


@blp.route("/customers/<customerId>", parameters=[_CUSTOMER_ID])
class Customer(MethodView):
    """A customer."""

    @blp.access(Role.ADMIN, 400, 404)
    @blp.response(204)
    def delete(self, customerId: str) -> None:
        """Erase a customer

        Summaries, record, history and errors, for good, also from a run that is going on.
        """
        erasure.erase_customer(principal().tenant, checked_customer_id(customerId))


@blp.route("/customers/<customerId>/clv", methods=["GET"], parameters=[_CUSTOMER_ID])
@blp.access(Role.VIEWER, 400, 404, headers=[_CACHE_CONTROL])
@blp.answers(200, Clv, headers=_MODEL)
def read_clv(customerId: str) -> Answer:
    """Read a customer's lifetime value

    The stored record, or else one that is computed from the interaction summaries and stored.
    """
    tenant_id, customer_id = principal().tenant_id, checked_customer_id(customerId)
    return _answer(*customers.get_clv(tenant_id, customer_id, _max_age_seconds()))


@blp.route("/customers/<customerId>/clv", methods=["POST"], parameters=[_CUSTOMER_ID])
@blp.access(Role.EDITOR, 400, 404)
@blp.answers(200, Clv, headers=_MODEL)
def recompute_clv(customerId: str) -> Answer:
    """Compute a customer's lifetime value again

    From the current interaction summaries; a body is ignored.
    """
    scores = customers.recompute_clv(principal().tenant, checked_customer_id(customerId))
    return _answer(scores, "recomputed")


@blp.route("/customers/<customerId>/clv/explanation", parameters=[_CUSTOMER_ID])
class ClvExplanation(MethodView):
    """Why a customer's lifetime value is what it is."""

    @blp.access(Role.VIEWER, 400, 404)
    @blp.response(200, Explanation, headers=_MODEL)
    def get(self, customerId: str) -> Any:
        """Explain a customer's lifetime value

        Computed from the current summaries and settings; nothing is stored. The points of the
        three dimensions sum to the score.
        """
        tenant = principal().tenant
        explained, serving, interval = customers.explain_clv(
            tenant, checked_customer_id(customerId)
        )
        scores = explained.scores
        model, version = MODELS[scores.model].split("/")
        body = {
            "customerId": scores.customer_id,
            "score": scores.score,
            "clvScore": int(scores.score + 0.5),
            "segment": scores.segment,
            "reason": explained.reason,
            "contributions": [_contribution(part) for part in explained.contributions],
            "thresholds": {
                "p25": explained.p25,
                "p75": explained.p75,
                "atRiskDays": explained.settings.at_risk_days,
            },
            "daysUntilAtRisk": explained.days_until_at_risk,
            "asOf": scores.computed_ms,
            "settings": settings_view(tenant),
            "formulaVersion": FORMULA_VERSION,
            "model": model,
            "modelVersion": int(version),
            "modelReason": serving.reason,
            "parameters": _parameters(serving.parameters),
            "predictedRevenue": scores.predicted_revenue,
            "churnProbability": scores.churn_probability,
            "predictedRevenueInterval": _interval(interval),
        }
        return body, _model(scores)


@blp.route("/customers/<customerId>/clv/history", parameters=[_CUSTOMER_ID])
class ClvHistory(MethodView):
    """How a customer's lifetime value moved."""

    @blp.access(Role.VIEWER, 400, 404)
    @blp.arguments(PageQuery, location="query")
    @blp.response(200, ScoreHistory)
    def get(self, query: dict[str, Any], customerId: str) -> dict[str, Any]:
        """List how a customer's score and segment moved, newest first

        A row when the customer is scored for the first time, when the segment changes, and when
        the score has moved by 5 or more since the last row; kept for 400 days, the latest one for
        as long as the customer. Empty when there are summaries, but were never any scores.
        """
        limit = query["limit"]
        (before,) = paging.decode(query["cursor"], int) or (None,)
        found = customers.customer_history(
            principal().tenant, checked_customer_id(customerId), before, limit + 1
        )
        rows = [change_view(change) for change in found]
        return paging.page(rows, limit, lambda index: paging.encode(found[index].at_ms))


def _max_age_seconds() -> int | None:
    cache_control = request.environ.get("HTTP_CACHE_CONTROL")
    max_age = _MAX_AGE.search(cache_control) if cache_control else None
    return int(max_age[1]) if max_age else None


def _answer(scores: Scores, source: str) -> Answer:
    answer = Answer(clv_json(scores, source))
    answer.headers.add("X-CLV-Model", MODELS[scores.model])
    return answer


def _model(scores: Scores) -> dict[str, str]:
    return {"X-CLV-Model": MODELS[scores.model]}


def _parameters(found: Parameters | None) -> dict[str, float] | None:
    return None if found is None else {**found.to_dict(), "v": found.v / AMOUNT_SCALE}


def _interval(found: tuple[int, int] | None) -> dict[str, Any] | None:
    if found is None:
        return None
    low, high = found
    return {"level": calibrated.LEVEL, "low": low, "high": high, "note": _NOT_SUMMABLE}


def _contribution(part: Contribution) -> dict[str, Any]:
    money = part.dimension == "monetary"
    return {**asdict(part), "value": part.value / AMOUNT_SCALE if money else part.value}
