"""The blueprint of the pages: who may see them, how they are sent, and how one is drawn."""

import hmac
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from clv.auth import authentication, principal
from clv.auth.principal import Principal, Role
from clv.dashboard import session
from clv.dashboard.session import Session
from clv.errors import Forbidden, Unauthenticated
from clv.http.access import principal as access_principal
from clv.http.application import components
from clv.http.headers import NO_PAGE, is_same_origin

blp = Blueprint("dashboard", __name__, template_folder="templates")

TOKEN_FIELD = "form_token"
TOKEN_HEADER = "X-Form-Token"
# A form; a file is sent with the token in the header, and read as a stream.
MAX_FORM_BYTES = 64 * 1024
POLICY = NO_PAGE.replace("form-action 'none'", "form-action 'self'") + (
    "; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'"
)
# A form's Origin would be null under the policy of the rest.
REFERRER = "same-origin"
# What a redirect may have the next page say.
NOTICES = {
    "recomputed": "Computed again, from what is known now.",
    "signed-out": "You have signed out.",
}
_OPEN = ("dashboard.asset", "dashboard.sign_in", "dashboard.enter")


class Place(NamedTuple):
    """An entry of the navigation.

    :param within: the beginning of the endpoints that belong to it
    """

    endpoint: str
    label: str
    role: Role = Role.VIEWER

    @property
    def is_here(self) -> bool:
        """Whether the current page belongs to it."""
        here = (request.endpoint or "").removeprefix("dashboard.")
        own = self.endpoint.removeprefix("dashboard.")
        return here == own or here.startswith(f"{own.rstrip('s')}_")


# The endpoints of a place are named after it: jobs, job_errors, job_cancel.
PLACES = (
    Place("dashboard.overview", "Overview"),
    Place("dashboard.customers", "Customers"),
    Place("dashboard.data", "Data", Role.EDITOR),
    Place("dashboard.settings", "Settings"),
    Place("dashboard.jobs", "Jobs"),
    Place("dashboard.keys", "Keys", Role.ADMIN),
    Place("dashboard.backtest", "Backtest"),
)


def needs(role: Role) -> Callable:
    """Let only keys of at least this role see the page, or do what it does."""

    def decorator(view: Callable) -> Callable:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            principal.authorize(access_principal(), role, None)
            return view(*args, **kwargs)

        return wrapper

    return decorator


def page(template: str, **values: Any) -> str:
    """A page, or a part of one, as HTML.

    The templates know ``me`` (who has signed in, None before), ``role`` (the roles, to compare
    with), ``places``, ``notice``, ``now_ms``, ``form_token`` and the filters of
    ``clv.dashboard.figures``.
    """
    me: Principal | None = g.get("principal")
    return render_template(
        template,
        me=me,
        role=Role,
        places=_places(me),
        notice=NOTICES.get(request.args.get("notice", "")),
        now_ms=now_ms(),
        form_token=session.form_token(g.session, secret()) if "session" in g else "",
        token_field=TOKEN_FIELD,
        token_header=TOKEN_HEADER,
        **values,
    )


def secret() -> str:
    """What the sessions are signed with: a setting, or else a secret in the database."""
    carried = components()
    if carried.session_secret is None:
        carried.session_secret = carried.settings.secret_key or authentication.shared_secret()
    return carried.session_secret


def begin_session(key: str) -> Session:
    """Replace the browser's session by a new one, of this key."""
    g.session, g.is_new_session = session.open_session(key, now_ms()), True
    return g.session


def whole(text: str) -> int | str:
    """A number of a form as JSON has it; what is none is left to the schema to refuse."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text


def is_part() -> bool:
    """Whether a part of a page was asked for, by htmx."""
    return "HX-Request" in request.headers


@blp.before_request
def _let_in() -> BaseResponse | None:
    """Only who has signed in, with a key that is still active; and a change only from a form of
    our own pages."""
    if request.endpoint == "dashboard.asset":
        return None
    g.session = session.unseal(request.cookies.get(_cookie(), ""), secret(), now_ms())
    if g.session is None:
        begin_session("")
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        _refuse_foreign_forms()
    if request.endpoint in _OPEN:
        return None
    try:
        g.principal = authentication.resume(g.session.key)
    except Unauthenticated:
        return to_sign_in()
    return None


def to_sign_in() -> BaseResponse:
    """The way to the sign-in, and from there back to this page."""
    back = request.full_path.rstrip("?") if request.method == "GET" and not is_part() else None
    address = url_for("dashboard.sign_in", next=None if back == "/" else back)
    if is_part():
        return Response(status=401, headers={"HX-Redirect": address})
    return redirect(address, 303)


def _refuse_foreign_forms() -> None:
    # What loads a file reads past this.
    request.max_content_length = MAX_FORM_BYTES
    sent = request.headers.get(TOKEN_HEADER)
    if sent is None:
        sent = request.form.get(TOKEN_FIELD, "")
    wanted = session.form_token(g.session, secret())
    if not (is_same_origin() and hmac.compare_digest(sent.encode(), wanted.encode())):
        raise Forbidden("The form was too old, or not ours. Load its page again, and repeat it.")


@blp.after_request
def protect(response: Response) -> Response:
    """The headers of a page, and its cookie."""
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Referrer-Policy"] = REFERRER
    response.headers.setdefault("Cache-Control", "no-store")
    if g.get("is_new_session"):
        response.set_cookie(
            _cookie(),
            session.seal(g.session, secret()),
            max_age=session.LIFETIME_MS // 1000,
            secure=request.is_secure,
            httponly=True,
            samesite="Lax",
        )
    return response


def _places(me: Principal | None) -> list[Place]:
    return [place for place in PLACES if me is not None and me.role >= place.role]


def _cookie() -> str:
    """With the prefix, browsers take the cookie from this host alone, and only over TLS."""
    return "__Host-clv" if request.is_secure else "clv"


def now_ms() -> int:
    """The clock, in milliseconds since 1970."""
    return int(time.time() * 1000)
