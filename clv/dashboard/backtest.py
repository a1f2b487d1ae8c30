"""The page Backtest: how far the predictions can be trusted, from the tenant's backtests."""

from typing import Any

from flask import Response, make_response, redirect, request, url_for
from marshmallow import ValidationError

from clv.api.schemas.backtests import BacktestRequest
from clv.auth.principal import Role
from clv.dashboard.blueprint import blp, is_part, needs, page, whole
from clv.errors import Conflict
from clv.http.access import principal
from clv.http.application import components
from clv.http.errors import sentence
from clv.prediction.scorecard import CALIBRATED, MEAN, RFM, ZERO, Scorecard
from clv.prediction.verdict import interval_sentence
from clv.services import backtests
from clv.services.backtests import BacktestDetails

TITLES = {
    CALIBRATED: "Calibrated model",
    RFM: "Run rate (rfm)",
    MEAN: "Everybody’s mean",
    ZERO: "0 for everybody",
}


@blp.get("/backtest")
def backtest() -> str:
    """The newest backtest, the newest result, and the form that starts another one."""
    return _page()


@blp.post("/backtest")
@needs(Role.ADMIN)
def backtest_start() -> Any:
    """Start a backtest."""
    days = request.form.get("holdoutDays", "")
    settings, queue, me = components().settings, components().queue, principal()
    try:
        asked = BacktestRequest().load({"holdoutDays": whole(days) if days else None})
        backtests.start(me.tenant, asked["holdout_days"], me.name, settings, queue)
    except ValidationError as error:
        return _page(problem=sentence(error.messages), days=days), 400
    except Conflict as error:
        return _page(problem=error.message, days=days), 409
    return redirect(url_for("dashboard.backtest"), 303)


@blp.get("/backtest/progress")
def backtest_progress() -> Response:
    """The state of the newest one, as a part of the page, which is loaded anew at its end."""
    newest = _newest()
    response = make_response(page("backtest_progress.html", newest=newest))
    if is_part() and not (newest and newest.is_active):
        response.headers["HX-Refresh"] = "true"
    return response


def _page(**values: Any) -> str:
    done = backtests.newest_result(principal().tenant.id)
    models = done.result.models if done and done.result else ()
    return page(
        "backtest.html",
        tenant=principal().tenant,
        newest=_newest(),
        done=done,
        titles=TITLES,
        interval=interval_sentence(models),
        # The others predict the same for everybody, so their charts would say nothing.
        charts=[_chart(card) for card in models if card.model in (CALIBRATED, RFM)],
        **values,
    )


def _newest() -> BacktestDetails | None:
    return backtests.newest(principal().tenant.id, components().queue)


def _chart(card: Scorecard) -> dict[str, Any]:
    """Predicted beside actual revenue of each tenth of the customers."""
    return {
        "kind": "pairs",
        "title": TITLES[card.model],
        "labels": [str(n + 1) for n in range(len(card.deciles))],
        "predicted": [round(decile.predicted, 2) for decile in card.deciles],
        "actual": [round(decile.actual, 2) for decile in card.deciles],
    }
