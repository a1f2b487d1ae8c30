"""The request log: a line for each request, and a count. The route in it is the URL rule, never the
path, which may name a customer."""

from functools import partial
from time import perf_counter

from flask import Flask, Response, g, request

from clv import logs
from clv.http.access import client_address
from clv.http.carried import carried
from clv.http.counters import Counters

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
OTHER = "other"


def register(app: Flask) -> None:
    """Note every request. Register this first: it begins before all others, and ends last."""
    app.before_request(_begin)
    app.after_request(partial(_note, app.extensions["clv"].counters))


def _begin() -> None:
    g.began = began = perf_counter()
    known = carried(request.environ)
    if known is not None:
        # Of both passes there is one line, with the time from the first on.
        g.began = known.began = known.began or began


def _note(counters: Counters, response: Response) -> Response:
    # Each use of one of Flask's proxies takes half a microsecond; here is one of each.
    current, known = request._get_current_object(), vars(g._get_current_object())  # type: ignore[attr-defined]
    rule, sender = current.url_rule, known.get("principal")
    key = (
        current.method if current.method in METHODS else OTHER,
        OTHER if rule is None else rule.rule,
        response.status_code,
    )
    who = ("", "") if sender is None else (sender.tenant_name, sender.key)
    client = client_address(current.remote_addr)
    end = partial(_end, counters, known["began"], known.get("request_id", ""), client, who, key)
    if response.is_sequence:
        end()
    else:
        # A file, which has yet to be sent.
        response.call_on_close(end)
    return response


def _end(
    counters: Counters,
    began: float,
    request_id: str,
    client: str,
    who: tuple[str, str],
    key: tuple[str, str, int],
) -> None:
    seconds = perf_counter() - began
    counters.add(key, seconds)
    tenant, api_key = who
    method, route, status = key
    logs.request(request_id, client, tenant, api_key, method, route, status, seconds)
