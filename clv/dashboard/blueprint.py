"""The blueprint of the pages: who may see them, how one is rendered, and how it is sent."""

import hmac
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from clv.auth import authentication, sessions
from clv.auth.principal import Principal, Role, authorize
from clv.budgets import MAX_FORM_BYTES
from clv.dashboard import session
from clv.dashboard.navigation import places
from clv.errors import Forbidden, Unauthenticated
from clv.http.access import admit, principal
from clv.http.application import components
from clv.http.carried import accept_at_most
from clv.http.headers import NO_PAGE, is_same_origin

blp = Blueprint("dashboard", __name__, template_folder="templates")

TOKEN_FIELD = "form_token"
TOKEN_HEADER = "X-Form-Token"
POLICY = NO_PAGE.replace("form-action 'none'", "form-action 'self'") + (
    "; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'"
)
# Under the API's policy, no-referrer, a browser would send the Origin of a form as null.
REFERRER = "same-origin"
# What a page says when its address asks for it, which redirects do.
NOTICES = {
    "loaded": "The file is loaded, and everybody is scored with it.",
    "lowered": (
        "The file is loaded, and everybody is scored with it. Some customers have less on a day"
        " than before. If that is a surprise, load the complete file of these days."
    ),
    "recomputed": "Computed again, from what is known now.",
    "signed-out": "You have signed out.",
}
# Signing out must work over the rate limit, too: somebody else may have used it up.
_LEAVE = "dashboard.leave"
_FOREIGN_FORM = "The form was too old, or not ours. Load its page again, and repeat it."
_OPEN = ("dashboard.asset", "dashboard.sign_in", "dashboard.enter")


def needs(role: Role) -> Callable:
    """Refuse keys of a lower role."""

    def decorator(view: Callable) -> Callable:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            authorize(principal(), role, None)
            return view(*args, **kwargs)

        return wrapper

    return decorator


def page(template: str, **values: Any) -> str:
    """A page, or a part of one, as HTML.

    Templates have ``me`` (who has signed in; None before), ``role`` (the roles, to compare with),
    ``places``, ``notice``, ``now_ms``, ``form_token`` and the filters of ``clv.dashboard.figures``.
    """
    me: Principal | None = g.get("principal")
    return render_template(
        template,
        me=me,
        role=Role,
        places=places(me),
        notice=NOTICES.get(request.args.get("notice", "")),
        now_ms=now_ms(),
        form_token=session.form_token(g.session, secret()) if "session" in g else "",
        token_field=TOKEN_FIELD,
        token_header=TOKEN_HEADER,
        **values,
    )


def secret() -> str:
    """The secret that signs sessions: a setting, or else one in the database."""
    carried = components()
    if carried.session_secret is None:
        carried.session_secret = carried.settings.secret_key or authentication.shared_secret()
    return carried.session_secret


def begin_session(key: str) -> None:
    """Replace the browser's session, which ends, by a new one of the key with this public part.

    :param key: empty for a session that opens nothing
    """
    if g.session is not None and g.session.key:
        sessions.end(g.session.id)
    _give_session(key)
    if key:
        sessions.begin(g.session.id, key)


def whole(text: str) -> int | str:
    """The number in a form's field. Other text stays as it is, and the schema refuses it."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text


def is_part() -> bool:
    """Whether htmx asks for a part of a page."""
    return "HX-Request" in request.headers


@blp.before_request
def _let_in() -> BaseResponse | None:
    """Let only visitors in who have signed in with a key that is still active, count their requests
    as the key's, and take changes only from forms of our own pages."""
    if request.endpoint == "dashboard.asset":
        return None
    g.session = session.unseal(request.cookies.get(_cookie(), ""), secret(), now_ms())
    if g.session is None:
        _give_session("")
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        _refuse_foreign_forms()
    if request.endpoint in _OPEN:
        return None
    if not g.session.key:
        return to_sign_in()
    try:
        me = sessions.resume(g.session.id)
    except Unauthenticated:
        return to_sign_in()
    components().flows.remember(request.cookies[_cookie()], me.tenant_id)
    if request.endpoint == _LEAVE:
        g.principal = me
    else:
        admit(me)
    return None


def _give_session(key: str) -> None:
    g.session, g.is_new_session = session.open_session(key, now_ms()), True


def to_sign_in() -> BaseResponse:
    """Lead to the sign-in, and from there back to this page."""
    back = request.full_path.rstrip("?") if request.method == "GET" and not is_part() else None
    address = url_for("dashboard.sign_in", next=None if back == "/" else back)
    if is_part():
        return Response(status=401, headers={"HX-Redirect": address})
    return redirect(address, 303)


def _refuse_foreign_forms() -> None:
    # Without a session of before there is no token that could be right. Nothing is read then.
    if g.get("is_new_session") or not is_same_origin():
        raise Forbidden(_FOREIGN_FORM)
    # Files are read as streams, which this does not limit.
    request.max_content_length = MAX_FORM_BYTES
    sent = request.headers.get(TOKEN_HEADER)
    if sent is None:
        accept_at_most(request.environ, MAX_FORM_BYTES)
        sent = request.form.get(TOKEN_FIELD, "")
    expected = session.form_token(g.session, secret())
    if not hmac.compare_digest(sent.encode(), expected.encode()):
        raise Forbidden(_FOREIGN_FORM)


@blp.after_request
def protect(response: Response) -> Response:
    """Add the headers of a page, and its cookie."""
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Referrer-Policy"] = REFERRER
    response.headers.setdefault("Cache-Control", "no-store")
    if g.get("is_new_session"):
        response.set_cookie(
            _cookie(),
            session.seal(g.session, secret()),
            max_age=sessions.LIFETIME_MS // 1000,
            secure=request.is_secure,
            httponly=True,
            samesite="Lax",
        )
    return response


def _cookie() -> str:
    """With the prefix, browsers accept the cookie from this host alone, and only over TLS."""
    return "__Host-clv" if request.is_secure else "clv"


def now_ms() -> int:
    """The clock, in milliseconds since 1970."""
    return int(time.time() * 1000)
