"""Ordinary requests, as fast as they go."""

import re
from urllib.parse import urlencode

from tests.load.attacks.attacker import Answer, Attacker

THREADS = 4
PAGES = ("/", "/customers", "/jobs", "/data", "/settings")
ORIGIN = "http://127.0.0.1"


def pages(attacker: Attacker) -> None:
    """Pages of one session."""
    cookie = ""

    def browse() -> None:
        client = attacker.client()
        for path in PAGES:
            attacker.ask_on(client, "GET", path, Cookie=cookie)
        client.close()

    while not (cookie := _signed_in(attacker)) and not attacker.stop.wait(1):
        pass
    attacker.together(THREADS, browse)


def new_keys(attacker: Attacker) -> None:
    """Keys, and the list of them."""
    headers = attacker.authorization("admin") | {"Content_Type": "application/json"}

    def create() -> None:
        attacker.ask("POST", "/api/v1/api-keys", b'{"role":"viewer"}', **headers)
        attacker.ask("GET", "/api/v1/api-keys", **headers)

    attacker.together(THREADS, create)


def started_runs(attacker: Attacker) -> None:
    """Runs that are cancelled as soon as they are started."""
    headers = attacker.authorization("admin")

    def start() -> None:
        answer = attacker.ask("POST", "/api/v1/clv/compute", Prefer="respond-async", **headers)
        if location := answer.headers.get("Location"):
            attacker.ask("DELETE", location, **headers)

    attacker.together(2, start)


def documents(attacker: Attacker) -> None:
    """The API's document, for nobody in particular."""
    attacker.together(THREADS, lambda: attacker.ask("GET", "/api/openapi.json"))


def _signed_in(attacker: Attacker) -> str:
    """The cookie of a new session; empty if there is none."""
    form = attacker.ask("GET", "/sign-in")
    if not (token := re.search(rb'name="form_token" value="(\w+)"', form.body)):
        return ""
    fields = {"key": attacker.token("admin"), "form_token": token[1].decode()}
    signed_in = attacker.ask(
        "POST",
        "/sign-in",
        urlencode(fields).encode(),
        Host="127.0.0.1",
        Origin=ORIGIN,
        Cookie=_cookie(form),
        Content_Type="application/x-www-form-urlencoded",
    )
    return _cookie(signed_in) if signed_in.status == 303 else ""


def _cookie(answer: Answer) -> str:
    return answer.headers.get("Set-Cookie", "").partition(";")[0]
