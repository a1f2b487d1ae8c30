"""Signing in with an API key, and signing out."""

import logging
from typing import Any

from flask import redirect, request, url_for

from clv import logs
from clv.auth import authentication, sessions
from clv.auth.principal import Principal
from clv.dashboard.blueprint import begin_session, blp, page
from clv.errors import TooMany, Unauthenticated
from clv.http.access import admit, client_address, identify, principal

REFUSED = "This key does not open anything: it is mistyped, expired or revoked."


@blp.get("/sign-in")
def sign_in() -> Any:
    """The form."""
    return page("sign_in.html", back=_back(request.args.get("next", "")))


@blp.post("/sign-in")
def enter() -> Any:
    """Begin a session with the key, which is not kept."""
    back = _back(request.form.get("next", ""))
    header = f"Bearer {request.form.get('key', '').strip()}"
    try:
        signed_in = identify(header)
    except Unauthenticated:
        _log_refusal(*authentication.key_named_in(header))
        return page("sign_in.html", back=back, error=REFUSED), 401
    except TooMany:
        # The key is not looked up any more.
        _log_refusal("", "")
        raise
    admit(signed_in)
    begin_session(signed_in.key)
    _log("sign_in", signed_in)
    return redirect(back, 303)


@blp.post("/sign-out")
def leave() -> Any:
    """End the session, or all sessions of its key."""
    me = principal()
    if "everywhere" in request.form:
        sessions.end_all(me.key)
    begin_session("")
    _log("sign_out", me)
    return redirect(url_for("dashboard.sign_in", notice="signed-out"), 303)


def _log(event: str, who: Principal) -> None:
    address = client_address(request.remote_addr)
    logs.event(event, tenant=who.tenant_name, key=who.key, address=address)


def _log_refusal(tenant: str, key: str) -> None:
    address = client_address(request.remote_addr)
    logs.event("sign_in.refused", logging.WARNING, tenant=tenant, key=key, address=address)


def _back(path: str) -> str:
    """A path of this site, or else the overview's: ``//host`` and ``/\\host`` lead elsewhere."""
    is_ours = path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable()
    return path if is_ours else url_for("dashboard.overview")
