"""The page Keys: list, create and revoke the tenant's API keys."""

from typing import Any

from flask import redirect, request, url_for
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from clv.api.schemas.keys import NewKey
from clv.auth.keys import create_key_of_tenant, keys_of_tenant, revoke_key_of_tenant
from clv.auth.principal import ROLES, Role
from clv.dashboard.blueprint import blp, needs, now_ms, page, whole
from clv.http.access import principal
from clv.http.errors import sentence

LIFETIMES = {"": "Never", "30": "In 30 days", "90": "In 90 days", "365": "In a year"}


@blp.get("/keys")
@needs(Role.ADMIN)
def keys() -> str:
    """The keys, and the form that creates one."""
    return _page()


@blp.post("/keys")
@needs(Role.ADMIN)
def key_create() -> Any:
    """Create a key. There is no redirect: only this response has the token."""
    days = request.form.get("expiresDays", "")
    given = {
        "role": request.form.get("role", ""),
        "label": request.form.get("label", "").strip(),
        "expiresDays": days,
    }
    try:
        new = NewKey().load({**given, "expiresDays": whole(days) if days else None})
    except ValidationError as error:
        return _page(given=given, problem=sentence(error.messages)), 400
    created = create_key_of_tenant(principal().tenant, **new)
    return _page(token=created.token), 201


@blp.post("/keys/<key_id>/revoke")
@needs(Role.ADMIN)
def key_revoke(key_id: str) -> Response:
    """Revoke a key for good."""
    revoke_key_of_tenant(principal().tenant, key_id)
    return redirect(url_for("dashboard.keys"), 303)


def _page(**values: Any) -> str:
    now = now_ms()
    all_keys = keys_of_tenant(principal().tenant)
    return page(
        "keys.html",
        active=[key for key in all_keys if key.is_active(now)],
        ended=[key for key in all_keys if not key.is_active(now)],
        roles=ROLES,
        lifetimes=LIFETIMES,
        **values,
    )
