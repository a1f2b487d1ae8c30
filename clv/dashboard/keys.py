"""The page Keys: list, create and revoke the tenant's API keys."""

from functools import partial
from typing import Any

from flask import redirect, request, url_for
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from clv.api.paging import BY_ID, read_page
from clv.api.schemas.keys import NewKey
from clv.auth.keys import create_key_of_tenant, revoke_key_of_tenant
from clv.auth.keys import page as keys_of_tenant
from clv.auth.principal import ROLES, Role
from clv.dashboard.blueprint import blp, needs, page, whole
from clv.http.access import principal
from clv.http.application import components
from clv.http.errors import sentence
from clv.store.api_keys import ApiKey

PAGE = 50
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
    most = components().settings.max_keys
    created = create_key_of_tenant(principal().tenant, **new, most=most)
    return _page(token=created.token), 201


@blp.post("/keys/<key_id>/revoke")
@needs(Role.ADMIN)
def key_revoke(key_id: str) -> Response:
    """Revoke a key for good."""
    revoke_key_of_tenant(principal().tenant, key_id)
    return redirect(url_for("dashboard.keys"), 303)


def _page(**values: Any) -> str:
    cursors = request.args.get("cursor"), request.args.get("ended")
    active, ended = (
        read_page(partial(_read, is_active), BY_ID, PAGE, cursor)
        for is_active, cursor in zip((True, False), cursors, strict=True)
    )
    return page(
        "keys.html",
        active=active,
        ended=ended,
        is_first=cursors[0] is None,
        is_first_ended=cursors[1] is None,
        roles=ROLES,
        lifetimes=LIFETIMES,
        **values,
    )


def _read(is_active: bool, after: int | None, limit: int) -> list[ApiKey]:
    return keys_of_tenant(principal().tenant_id, after, limit, is_active)
