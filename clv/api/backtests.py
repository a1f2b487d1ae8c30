"""How far the predictions can be trusted: backtests on the tenant's own history."""

from typing import Any

from flask import url_for
from flask.views import MethodView

from clv.api.paging import BY_ID, paginated
from clv.api.schemas.backtests import Backtest, BacktestList, BacktestRequest
from clv.auth.principal import Role
from clv.http.access import ClvBlueprint, principal
from clv.http.application import components
from clv.services import backtests
from clv.services.backtests import BacktestDetails

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

    @blp.named("listBacktests")
    @blp.access(Role.VIEWER, 400)
    @paginated(blp, BacktestList, BY_ID)
    def get(self, before: int | None, limit: int) -> list[BacktestDetails]:
        """List the backtests, newest first"""
        return backtests.page(principal().tenant.id, before, limit)

    @blp.named("startBacktest")
    @blp.access(Role.ADMIN, 400, 409, 413, 415)
    @blp.arguments(BacktestRequest, required=False)
    @blp.response(202, Backtest, headers=_LOCATION)
    def post(self, body: dict[str, Any]) -> Any:
        """Start a backtest

        Splits the tenant's daily history: the models see what was before the last holdoutDays, and
        are measured by what happened in these. 409: another backtest is going on, or the summaries
        are not daily.
        """
        settings, queue, me = components().settings, components().queue, principal()
        started = backtests.start(me.tenant, body["holdout_days"], me.name, settings, queue)
        location = url_for("backtests.BacktestById", backtestId=started.backtest_id)
        return started, {"Location": location}


@blp.route("/clv/backtests/<backtestId>", parameters=[_BACKTEST_ID])
class BacktestById(MethodView):
    """One backtest."""

    @blp.named("getBacktest")
    @blp.access(Role.VIEWER, 404)
    @blp.response(200, Backtest)
    def get(self, backtestId: str) -> BacktestDetails:
        """Read a backtest and its result"""
        return backtests.watch(principal().tenant.id, backtestId, components().queue)
