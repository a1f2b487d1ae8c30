"""One customer's lifetime value."""

import re
from typing import Any

from flask import Response, request
from flask.views import MethodView

from clv.api.paging import Position, paginated
from clv.api.schemas.customers import (
    Clv,
    Explanation,
    ExplanationQuery,
    clv_json,
)
from clv.api.schemas.erasures import Erasure, ErasureRequest
from clv.api.schemas.insights import ScoreHistory
from clv.auth.principal import Role
from clv.budgets import SEAT_SECONDS
from clv.domain.scoring import MODELS
from clv.http import etags
from clv.http.access import ClvBlueprint, principal, seat
from clv.http.headers import Answer
from clv.http.parser import checked_customer_id
from clv.services import customers, explanations
from clv.store.changes import Change

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


@blp.route("/customers/<customerId>", parameters=[_CUSTOMER_ID])
class Customer(MethodView):
    """A customer."""

    @blp.named("eraseCustomer")
    @blp.access(Role.ADMIN, 400, 404)
    @blp.response(204)
    def delete(self, customerId: str) -> None:
        """Erase a customer

        Summaries, record, history and errors, for good, also from a run that is going on.
        """
        customers.erase_customer(principal().tenant, checked_customer_id(customerId))


@blp.route("/erasures")
class Erasures(MethodView):
    """Many customers."""

    @blp.named("eraseCustomers")
    @blp.access(Role.ADMIN, 400, 413, 415)
    @blp.arguments(ErasureRequest)
    @blp.response(200, Erasure)
    def post(self, body: dict[str, Any]) -> customers.Erasure:
        """Erase up to 1,000 customers

        As DELETE /customers/{customerId} does one: for good, also from a run that is going on. All
        or nothing. An id that there is nothing of is no error, so that the request can be sent
        again; one that is given twice counts once.
        """
        return customers.erase_customers(principal().tenant, body["customer_ids"])


@blp.route("/customers/<customerId>/clv", methods=["GET"], parameters=[_CUSTOMER_ID])
@blp.named("getCustomerClv")
@blp.access(Role.VIEWER, 400, 404, headers=[_CACHE_CONTROL, etags.IF_NONE_MATCH])
@blp.may_be_known(_MODEL)
@blp.answers(200, Clv, headers={**_MODEL, **etags.HEADER})
def read_clv(customerId: str) -> Response:
    """Read a customer's lifetime value

    The stored record, or else one that is computed from the interaction summaries and stored.
    """
    tenant_id, customer_id = principal().tenant_id, checked_customer_id(customerId)
    scores, source = customers.get_clv(tenant_id, customer_id, _max_age_seconds())
    text = clv_json(scores, source)
    answer = etags.tag(text.encode(), Answer(text))
    answer.headers.add("X-CLV-Model", scores.versioned_model)
    return answer


@blp.route("/customers/<customerId>/clv", methods=["POST"], parameters=[_CUSTOMER_ID])
@blp.named("recomputeCustomerClv")
@blp.access(Role.EDITOR, 400, 404)
@blp.answers(200, Clv, headers=_MODEL)
def recompute_clv(customerId: str) -> Answer:
    """Compute a customer's lifetime value again

    From the current interaction summaries; a body is ignored.
    """
    scores = customers.recompute_clv(principal().tenant, checked_customer_id(customerId))
    answer = Answer(clv_json(scores, "recomputed"))
    answer.headers.add("X-CLV-Model", scores.versioned_model)
    return answer


@blp.route("/customers/<customerId>/clv/explanation", parameters=[_CUSTOMER_ID])
class ClvExplanation(MethodView):
    """Why a customer's lifetime value is what it is."""

    @blp.named("explainCustomerClv")
    @blp.access(Role.VIEWER, 400, 404)
    @blp.arguments(ExplanationQuery, location="query")
    @blp.response(200, Explanation, headers=_MODEL)
    def get(self, query: dict[str, Any], customerId: str) -> Any:
        """Explain a customer's lifetime value

        Of the stored record, by the distribution and the settings that it was computed with: the
        points of the three dimensions sum to its score. If a computation would give something else
        now, that is in wouldChange. Without a record, what a computation gives now is explained;
        nothing is stored.
        """
        customer_id = checked_customer_id(customerId)
        with seat(SEAT_SECONDS):
            explained = explanations.explain_clv(
                principal().tenant, customer_id, query["horizon_days"]
            )
        return explained, {"X-CLV-Model": explained.scores.versioned_model}


@blp.route("/customers/<customerId>/clv/history", parameters=[_CUSTOMER_ID])
class ClvHistory(MethodView):
    """How a customer's lifetime value moved."""

    @blp.named("listCustomerHistory")
    @blp.access(Role.VIEWER, 400, 404)
    @paginated(blp, ScoreHistory, Position({"at_ms": int}))
    def get(self, before: int | None, limit: int, customerId: str) -> list[Change]:
        """List how a customer's score and segment moved, newest first

        A row when the customer is scored for the first time, when the segment changes, and when
        the score has moved by 5 or more since the last row; kept for 400 days, the latest one for
        as long as the customer. Empty when there are summaries, but were never any scores.
        """
        customer_id = checked_customer_id(customerId)
        return customers.customer_history(principal().tenant, customer_id, before, limit)


def _max_age_seconds() -> int | None:
    header = request.environ.get("HTTP_CACHE_CONTROL")
    match = _MAX_AGE.search(header) if header else None
    return int(match.group(1)) if match else None
