"""How far the predictions can be trusted: backtests on the tenant's own history."""

import contextlib
from typing import Any

from flask import url_for
from flask.views import MethodView

from clv.api.paging import Position, paginated
from clv.api.schemas.backtests import Backtest, BacktestList, BacktestRequest
from clv.auth.principal import Role
from clv.errors import Unavailable
from clv.http.access import ClvBlueprint, principal
from clv.http.application import components
from clv.services import backtests
from clv.store.backtests import Backtest as Found

blp = ClvBlueprint("backtests", __name__, url_prefix="/api/v1", description="Backtests")

_BACKTEST_ID = {
    "in": "path",
    "name": "backtestId",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
}
_LOCATION = {"Location": {"required": True, "schema": {"type": "string"}}}


@blp.route("/clv/backtests")
class Backtests(MethodView):
    """The tenant's backtests."""

    @blp.access(Role.VIEWER, 400)
    @paginated(blp, BacktestList, Position({"id": int}), show=backtests.view)
    def get(self, before: int | None, limit: int) -> list[Found]:
        """List the backtests, newest first"""
        return backtests.page(principal().tenant.id, before, limit)

    @blp.access(Role.ADMIN, 400, 409, 413, 415)
    @blp.arguments(BacktestRequest, required=False)
    @blp.response(202, Backtest, headers=_LOCATION)
    def post(self, body: dict[str, Any]) -> Any:
        """Start a backtest

        Splits the tenant's daily history: the models see what was before the last holdoutDays, and
        are measured by what happened in these. 409: another backtest is going on, or the summaries
        are not daily.
        """
        started, message = start(body["holdoutDays"])
        location = url_for("backtests.BacktestById", backtestId=started.backtest_id)
        return backtests.view(started, message), {"Location": location}


@blp.route("/clv/backtests/<backtestId>", parameters=[_BACKTEST_ID])
class BacktestById(MethodView):
    """One backtest."""

    @blp.access(Role.VIEWER, 404)
    @blp.response(200, Backtest)
    def get(self, backtestId: str) -> dict[str, Any]:
        """Read a backtest and its result"""
        return backtests.view(look_after(backtests.find(principal().tenant.id, backtestId)))


def start(holdout_days: int | None) -> tuple[Found, str | None]:
    """Start a backtest of the principal's tenant; and what to say about it, if anything.

    :raises Conflict: while another one is active, or without daily summaries
    :raises Unavailable: when the queue can't be reached
    """
    settings, queue = components().settings, components().queue
    started = backtests.start(
        principal().tenant,
        holdout_days,
        f"key {principal().key}",
        settings.run_deadline_hours,
        queue.ring_backtest,
    )
    return started, None if queue.has_workers() else backtests.NO_WORKER


def look_after(found: Found) -> Found:
    """The backtest as it is now; if it waits for a worker, one is rung for."""
    if not found.is_active:
        return found
    with contextlib.suppress(Unavailable):
        backtests.sweep(components().queue, found.id)
    return backtests.find(found.tenant_id, found.backtest_id)
