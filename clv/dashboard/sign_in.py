"""Signing in with an API key, and signing out."""

from typing import Any

from flask import redirect, request, url_for

from clv.dashboard.blueprint import begin_session, blp, page
from clv.errors import Unauthenticated
from clv.http.access import identify

REFUSED = "This key does not open anything: it is mistyped, expired or revoked."


@blp.get("/sign-in")
def sign_in() -> Any:
    """The form."""
    return page("sign_in.html", back=_back(request.args.get("next", "")))


@blp.post("/sign-in")
def enter() -> Any:
    """Begin a session with the key, which is not kept."""
    back = _back(request.form.get("next", ""))
    try:
        signed_in = identify(f"Bearer {request.form.get('key', '').strip()}")
    except Unauthenticated:
        return page("sign_in.html", back=back, error=REFUSED), 401
    begin_session(signed_in.key)
    return redirect(back, 303)


@blp.post("/sign-out")
def leave() -> Any:
    """End the session."""
    begin_session("")
    return redirect(url_for("dashboard.sign_in", notice="signed-out"), 303)


def _back(path: str) -> str:
    """A path of this site, or else the overview's: ``//host`` and ``/\\host`` lead elsewhere."""
    is_ours = path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable()
    return path if is_ours else url_for("dashboard.overview")
