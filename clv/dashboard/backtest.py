"""How far the predictions can be trusted: the tenant's backtests."""

from typing import Any

from flask import Response, make_response, redirect, request, url_for
from marshmallow import ValidationError

from clv.api import backtests as api
from clv.api.schemas.backtests import BacktestRequest
from clv.auth.principal import Role
from clv.dashboard.blueprint import blp, is_part, needs, page, whole
from clv.errors import Conflict
from clv.http.access import principal
from clv.http.errors import sentence
from clv.prediction.backtest import CALIBRATED, MEAN, RFM
from clv.services import backtests

TITLES = {CALIBRATED: "Calibrated model", RFM: "Run rate (rfm)", MEAN: "Everybody’s mean"}


@blp.get("/backtest")
def backtest() -> str:
    """The newest backtest, the newest result, and the form that starts another one."""
    return _page()


@blp.post("/backtest")
@needs(Role.ADMIN)
def backtest_start() -> Any:
    """Start a backtest."""
    days = request.form.get("holdoutDays", "")
    try:
        asked = BacktestRequest().load({"holdoutDays": whole(days) if days else None})
        api.start(asked["holdoutDays"])
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
    if is_part() and not _is_going_on(newest):
        response.headers["HX-Refresh"] = "true"
    return response


def _page(**values: Any) -> str:
    done = backtests.newest_result(principal().tenant.id)
    shown = None if done is None else backtests.view(done)
    models = [] if shown is None else shown["result"]["models"]
    return page(
        "backtest.html",
        tenant=principal().tenant,
        newest=_newest(),
        done=shown,
        titles=TITLES,
        # The mean says the same of everybody.
        charts=[_chart(model) for model in models if model["model"] != MEAN],
        **values,
    )


def _newest() -> dict[str, Any] | None:
    found = backtests.newest(principal().tenant.id)
    return None if found is None else backtests.view(api.look_after(found))


def _is_going_on(view: dict[str, Any] | None) -> bool:
    return view is not None and view["status"] in ("queued", "running")


def _chart(model: dict[str, Any]) -> dict[str, Any]:
    """Predicted beside actual revenue of each tenth of the customers."""
    return {
        "kind": "pairs",
        "title": TITLES[model["model"]],
        "labels": [str(n + 1) for n in range(len(model["deciles"]))],
        "predicted": [round(decile["predicted"], 2) for decile in model["deciles"]],
        "actual": [round(decile["actual"], 2) for decile in model["deciles"]],
    }
