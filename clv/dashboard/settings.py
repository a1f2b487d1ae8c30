"""The page Settings: the settings of the tenant's scores, and what others would change."""

from decimal import Decimal, InvalidOperation
from typing import Any

from flask import redirect, request, url_for
from marshmallow import ValidationError

from clv.api.schemas.settings import ScoreSettingsChange, SettingsChange
from clv.auth.principal import Role
from clv.dashboard.blueprint import blp, needs, page, whole
from clv.domain.scoring import SEGMENTS
from clv.domain.settings import MODEL_SETTINGS
from clv.domain.time_zone import time_zone_names
from clv.files.text import money
from clv.http.access import principal, seat
from clv.http.errors import sentence
from clv.services import insights, simulation
from clv.services.settings import change_settings, served_settings

WEIGHTS = ("recency", "frequency", "monetary")
NUMBERS = ("atRiskDays", "lifespanMonths", "minTenureMonths", "churnHorizonDays")
# The form has the weights in percent.
PERCENT = 100


@blp.get("/settings")
def settings() -> str:
    """The settings, and the form that changes them. The address may propose at-risk days."""
    given = _present()
    if request.args.get("atRiskDays", "").isdecimal():
        given["atRiskDays"] = request.args["atRiskDays"]
    return _page(given)


@blp.post("/settings")
@needs(Role.ADMIN)
def settings_save() -> Any:
    """Save all of them."""
    try:
        others = {name: request.form.get(name, "") for name in ("model", "currency")}
        changes = SettingsChange().load({**_scores(), **others, **_payback()})
    except ValidationError as error:
        return _page(request.form.to_dict(), problem=_problem(error)), 400
    change_settings(principal().tenant, changes)
    return redirect(url_for("dashboard.settings", notice="saved"), 303)


@blp.post("/settings/preview")
def settings_preview() -> Any:
    """What the settings in the form would change, as a part of the page; nothing is stored."""
    try:
        changes = ScoreSettingsChange().load(_scores())
    except ValidationError as error:
        return page("settings_preview.html", problem=_problem(error))
    tenant = principal().tenant
    with seat():
        outcome = simulation.simulate(tenant, changes)
    return page("settings_preview.html", simulation=outcome, segments=SEGMENTS, tenant=tenant)


def _page(given: dict[str, str], **values: Any) -> str:
    tenant = principal().tenant
    latest = insights.latest_overview(tenant)
    return page(
        "settings.html",
        tenant=tenant,
        given=given,
        weights=WEIGHTS,
        models=MODEL_SETTINGS,
        time_zones=time_zone_names(),
        served=served_settings(tenant),
        suggestion=latest.overview.suggestion if latest.overview else None,
        is_pending=latest.settings_changed,
        **values,
    )


def _present() -> dict[str, str]:
    """The tenant's settings as the form has them."""
    tenant = principal().tenant
    now, cost = tenant.settings, tenant.acquisition_cost
    weights = now.weights._asdict()
    return {
        **{name: f"{weight * PERCENT:.10g}" for name, weight in weights.items()},
        "atRiskDays": str(now.at_risk_days),
        "lifespanMonths": str(now.lifespan_months),
        "minTenureMonths": str(now.min_tenure_months),
        "churnHorizonDays": str(now.churn_horizon_days),
        "model": now.model,
        "timeZone": now.time_zone,
        "currency": tenant.currency,
        "grossMargin": f"{tenant.gross_margin * PERCENT:.10g}",
        "acquisitionCost": "" if cost is None else money(cost),
    }


def _scores() -> dict[str, Any]:
    """The form as the body of ``PUT /settings``. Text that is not a number stays as it is, and the
    schema refuses it."""
    form = request.form
    weights = {name: _share(form.get(name, "")) for name in WEIGHTS}
    numbers = {name: whole(form.get(name, "")) for name in NUMBERS}
    return {"weights": weights, **numbers, "timeZone": form.get("timeZone", "")}


def _payback() -> dict[str, Any]:
    """The rest of that body, if the form has it: an empty cost is none."""
    form, given = request.form, dict[str, Any]()
    if "grossMargin" in form:
        given["grossMargin"] = _share(form["grossMargin"])
    if "acquisitionCost" in form:
        given["acquisitionCost"] = _cost(form["acquisitionCost"].strip())
    return given


def _cost(text: str) -> Decimal | str | None:
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        return text


def _share(percent: str) -> float | str:
    try:
        return round(float(percent) / PERCENT, 12)
    except ValueError:
        return percent


def _problem(error: ValidationError) -> str:
    """What is wrong, in the words of the form, where weights and margin are in percent."""
    if set(error.normalized_messages()) == {"grossMargin"}:
        return f"The gross margin must be from 0 to {PERCENT} %."
    try:
        total = sum(float(request.form.get(name, "")) for name in WEIGHTS)
    except ValueError:
        return sentence(error.messages)
    if set(error.normalized_messages()) == {"weights"} and 0 <= total != PERCENT:
        return f"The three weights add up to {total:.10g} %. They must add up to 100 %."
    return sentence(error.messages)
