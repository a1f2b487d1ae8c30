"""The dashboard's doors: sessions, forms, roles and errors."""

import re
import time
from html import unescape

import pytest
from flask.testing import FlaskClient
from markupsafe import escape

from clv import db
from clv.auth import authentication, keys, tokens
from clv.auth.principal import Role
from clv.dashboard import session
from clv.store import tenants
from tests.api.support import row
from tests.jobs.support import Bell, begin, complete

ORIGIN = {"Origin": "http://localhost"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
def client(app):
    """A browser that has not signed in; the pages are in no OpenAPI document."""
    app.test_client_class = FlaskClient
    return app.test_client()


@pytest.fixture
def key(headers):
    """A key of a role: ``key("viewer")``."""
    return lambda role="viewer", name="acme": headers(role, name)["Authorization"].split()[1]


def token_of(client):
    """The token of the forms of a client's session."""
    text = client.get("/sign-in").text
    return re.search(r'name="form_token" value="(\w+)"', text).group(1)


def sign_in(client, key, **more):
    form = {"key": key, "form_token": token_of(client), **more}
    return client.post("/sign-in", data=form, headers=ORIGIN)


def secret():
    with db.scope():
        return authentication.shared_secret()


def test_without_a_session_every_page_leads_to_the_sign_in_and_back(client):
    answer = client.get("/")
    assert (answer.status_code, answer.location) == (303, "/sign-in")


def test_signing_in_gives_a_cookie_that_scripts_and_other_sites_do_not_get(client, key):
    token = key()
    answer = sign_in(client, token)
    assert (answer.status_code, answer.location) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("clv=") and "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert "Max-Age=43200" in cookie and "Secure" not in cookie
    assert token.split("_")[2] not in cookie
    assert client.get("/").status_code == 200


def test_over_tls_the_cookie_is_secure_and_of_this_host_alone(client):
    cookie = client.get("/sign-in", base_url="https://localhost").headers["Set-Cookie"]
    assert cookie.startswith("__Host-clv=") and "Secure" in cookie and "Path=/" in cookie
    assert "Domain" not in cookie


def test_a_sign_in_begins_another_session(client, key):
    client.get("/sign-in")
    before = client.get_cookie("clv").value
    first = token_of(client)
    sign_in(client, key())
    assert client.get_cookie("clv").value != before
    assert token_of(client) != first


def test_signing_out_ends_the_session(client, key):
    sign_in(client, key())
    answer = client.post("/sign-out", data={"form_token": token_of(client)}, headers=ORIGIN)
    assert answer.location == "/sign-in?notice=signed-out"
    assert client.get("/").status_code == 303


def test_a_revoked_or_expired_key_closes_its_sessions_at_once(client, key, tenant):
    with db.scope():
        short = keys.create_key(tenant, Role.VIEWER, expires_days=1)
    for token, change in (
        (key(), "revoked_ms = 1"),
        (short, "expires_ms = 1"),
    ):
        sign_in(client, token)
        assert client.get("/").status_code == 200
        with db.scope():
            public = tokens.public_part(token)
            db.execute(f"UPDATE api_key SET {change} WHERE public = %s", (public,))
        assert client.get("/").status_code == 303


def test_a_session_ends_after_twelve_hours(client, key):
    public = tokens.public_part(key())
    now = int(time.time() * 1000)
    # The clock of another web machine may be ahead by some seconds.
    for age, status in ((11.9, 200), (12.1, 303), (-0.01, 200), (-0.1, 303)):
        opened = session.open_session(public, now - int(age * 3_600_000))
        client.set_cookie("clv", session.seal(opened, secret()))
        assert client.get("/").status_code == status


@pytest.mark.parametrize("text", ["", "x", "W10.x", "WyJhIl0.abc", "\u00e9", "a" * 3000])
def test_a_cookie_that_we_did_not_sign_opens_nothing(client, key, text):
    client.set_cookie("clv", text)
    assert client.get("/").status_code == 303


def test_a_session_signed_with_another_secret_opens_nothing(client, key):
    opened = session.open_session(tokens.public_part(key()), int(time.time() * 1000))
    client.set_cookie("clv", session.seal(opened, "another secret of sufficient length"))
    assert client.get("/").status_code == 303


def test_all_processes_share_one_secret(app, settings):
    assert len(secret()) == 64 and secret() == secret()


def test_a_form_without_our_token_or_from_another_site_changes_nothing(client, key):
    sign_in(client, key())
    token = token_of(client)
    for form, headers in (
        ({}, ORIGIN),
        ({"form_token": "x"}, ORIGIN),
        ({"form_token": "\u00e9"}, ORIGIN),
        ({"form_token": token}, {"Origin": "http://evil.example"}),
        ({"form_token": token}, {"Origin": "null"}),
        ({"form_token": token}, {}),
    ):
        answer = client.post("/sign-out", data=form, headers=headers)
        assert answer.status_code == 403, (form, headers)
    assert client.get("/").status_code == 200


def test_the_token_of_another_session_is_refused(app, client, key):
    other = app.test_client()
    sign_in(client, key())
    answer = client.post("/sign-out", data={"form_token": token_of(other)}, headers=ORIGIN)
    assert answer.status_code == 403


@pytest.mark.parametrize("key", ["", "clv_x", "clv_" + "a" * 52, "\u00e9", "x" * 10_000])
def test_a_wrong_key_is_a_401_with_one_message(client, tenant, key):
    answer = sign_in(client, key)
    assert answer.status_code == 401 and "mistyped, expired or revoked" in answer.text


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "/\tx", "evil", ""]
)
def test_after_the_sign_in_nobody_is_led_elsewhere(client, key, wanted):
    assert sign_in(client, key(), next=wanted).location == "/"


def test_after_the_sign_in_one_comes_to_the_page_that_one_wanted(client, key):
    assert sign_in(client, key(), next="/customers?segment=high").location.endswith("segment=high")


def test_a_part_of_a_page_asks_the_browser_to_sign_in(client):
    answer = client.get("/", headers={"HX-Request": "true"})
    assert answer.status_code == 401 and answer.headers["HX-Redirect"] == "/sign-in"


def test_the_session_opens_no_endpoint_of_the_api(client, key):
    sign_in(client, key("admin"))
    assert client.get("/api/v1/clv/summary").status_code == 401


def test_the_pages_have_a_strict_policy_and_are_not_kept(client, key):
    sign_in(client, key())
    for path in ("/", "/sign-in", "/nowhere"):
        answer = client.get(path, headers=BROWSER)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "form-action 'self'" in policy and "frame-ancestors 'none'" in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "style=" not in answer.text and "<script>" not in answer.text


def test_an_unknown_path_is_a_page_to_a_browser_and_json_to_a_program(client):
    assert "There is nothing here" in client.get("/nowhere", headers=BROWSER).text
    assert client.get("/nowhere").json["code"] == 404
    assert client.get("/api/v1/nowhere", headers=BROWSER).json["code"] == 404


def test_files_are_kept_by_the_browser_under_an_address_that_changes_with_them(client):
    text = client.get("/sign-in").text
    style = re.search(r'href="(/static/\w+/style.css)"', text).group(1)
    answer = client.get(style, headers={"Accept-Encoding": "gzip"})
    assert answer.mimetype == "text/css" and answer.headers["Content-Encoding"] == "gzip"
    assert "immutable" in answer.headers["Cache-Control"]
    assert client.get(style).headers.get("Content-Encoding") is None
    old = client.get("/static/000000000000/style.css")
    assert old.status_code == 200 and old.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["../blueprint.py", "vendor/README.md", "nothing.css", "%2e%2e/x"])
def test_only_the_files_of_the_pages_are_served(client, name):
    assert client.get(f"/static/x/{name}").status_code == 404


def test_when_the_database_is_down_the_page_says_so(client, key):
    sign_in(client, key())
    with db.scope():
        db.execute("ALTER TABLE api_key RENAME TO api_key_away")
    try:
        answer = client.get("/")
    finally:
        with db.scope():
            db.execute("ALTER TABLE api_key_away RENAME TO api_key")
    assert answer.status_code in (500, 503)
    assert answer.mimetype == "text/html" and "Traceback" not in answer.text


def test_a_deleted_tenant_has_no_sessions(client, key, tenant):
    sign_in(client, key())
    with db.scope():
        tenants.delete_tenant(tenant.id)
    assert client.get("/").status_code == 303


def test_a_customer_of_another_tenant_is_one_that_does_not_exist(client, key, load):
    load(row("theirs", 3, value=10))
    other = key("admin", "other")
    sign_in(client, other)
    missing = client.get("/customers/nobody")
    for answer in (client.get("/customers/theirs"), client.get("/find?customerId=theirs")):
        if answer.status_code == 303:
            answer = client.get(answer.location)
        assert answer.status_code == 404
        assert "There is no customer with this id" in answer.text
    hidden = client.get("/customers/theirs").text
    assert without_tokens(hidden) == without_tokens(missing.text)
    form = {"form_token": token_of(client)}
    answer = client.post("/customers/theirs/recompute", data=form, headers=ORIGIN)
    assert answer.status_code == 404
    assert "theirs" not in client.get("/customers?tab=all").text
    assert "theirs" not in client.get("/customers.csv?tab=all").text


def without_tokens(text):
    return re.sub(r"[0-9a-f]{64}", "", text)


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("editor", 303), ("admin", 303)])
def test_a_role_that_is_too_low_is_refused_whatever_the_page_offers(
    client, key, load, role, status
):
    load(row("ann", 3, value=10))
    sign_in(client, key(role))
    assert ("Recompute" in client.get("/customers/ann").text) == (status == 303)
    form = {"form_token": token_of(client)}
    answer = client.post("/customers/ann/recompute", data=form, headers=ORIGIN)
    assert answer.status_code == status
    if status == 403:
        assert "Not with this key" in answer.text and "editor or higher" in answer.text


NAMES = ("<script>alert(1)</script>".replace("/", "|"), "a b?&#+%;\"'\\", "ümläut…")


@pytest.mark.parametrize("name", NAMES)
def test_whatever_a_customer_is_called_the_pages_show_it_as_text(client, key, load, name):
    load(row(name, 3, value=10))
    sign_in(client, key("editor"))
    found = client.get("/find", query_string={"customerId": name})
    page = client.get(found.location)
    assert page.status_code == 200 and name not in re.sub("ü.*…", "", page.text)
    assert escape(name) in page.text
    listed = client.get("/customers?tab=all").text
    link = re.search(r'<th scope="row"><a href="([^"]+)"', listed).group(1)
    assert client.get(unescape(link)).status_code == 200
    form = {"form_token": token_of(client)}
    action = re.search(r'action="([^"]+/recompute)"', page.text).group(1)
    assert client.post(unescape(action), data=form, headers=ORIGIN).status_code == 303


@pytest.mark.parametrize("name", ["", " ", ".", "..", "a/b", "/", "x" * 129, "a\nb"])
def test_an_impossible_id_is_found_nowhere(client, key, name):
    sign_in(client, key())
    answer = client.get("/find", query_string={"customerId": name})
    if answer.status_code == 303:
        answer = client.get(answer.location)
    assert answer.status_code in (400, 404) and answer.mimetype == "text/html"


def test_the_file_of_a_list_is_that_of_the_api(client, key, load):
    load(*(row(f"c{n}", n, value=n) for n in range(1, 9)))
    token = key()
    sign_in(client, token)
    for n in range(1, 9):
        client.get(f"/customers/c{n}")
    answer = client.get("/customers.csv?tab=all&minRecency=4&sort=rfmRecency")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    wanted = client.get(
        "/api/v1/clv/records?minRecency=4&sort=rfmRecency",
        headers={"Authorization": f"Bearer {token}", "Accept": "text/csv"},
    )
    assert answer.text == wanted.text and answer.text.count("\n") == 6


def test_an_id_that_looks_like_a_formula_is_text_in_a_spreadsheet_and_itself_in_the_api(
    client, key, load
):
    ids = ["=1+1", "@SUM(A1)", "+49", "-1", "a=1"]
    load(*(row(customer, 1) for customer in ids))
    token = key()
    sign_in(client, token)
    for customer in ids:
        client.get("/find", query_string={"customerId": customer}, follow_redirects=True)
    shown = client.get("/customers.csv?tab=all&sort=customerId").text.splitlines()[1:]
    assert [line.split(",")[0] for line in shown] == ["'+49", "'-1", "'=1+1", "'@SUM(A1)", "a=1"]
    api = {"Authorization": f"Bearer {token}", "Accept": "text/csv"}
    file = client.get("/api/v1/clv/records", headers=api).text.splitlines()[1:]
    assert [line.split(",")[0] for line in file] == sorted(ids)


@pytest.mark.parametrize(
    "query",
    ["minScore=x", "minScore=101", "minRecency=9&maxRecency=3", "sort=x", "nothing=1", "cursor=x"],
)
def test_a_filter_that_can_not_be_is_a_400_in_words(client, key, query):
    sign_in(client, key())
    for path in ("/customers", "/customers.csv"):
        answer = client.get(f"{path}?tab=all&{query}")
        assert answer.status_code == 400 and answer.mimetype == "text/html"
        assert 'role="alert"' in answer.text or "That can’t be right" in answer.text


@pytest.fixture
def run(app, tenant):
    """Work off a run of acme, of a segment or of everybody."""
    bell = Bell(app.extensions["clv"].queue.redis)

    def work(segment=None):
        with db.scope():
            complete(begin(segment), bell)

    return work


def text_of(answer):
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def test_the_overview_tells_what_changed_since_the_full_run_before(client, key, load, run):
    load(*(row(f"c{n:02}", n, value=10 * n) for n in range(1, 31)))
    sign_in(client, key())
    run()
    first = text_of(client.get("/"))
    assert "Customers 30" in first and "No full run before to compare with" in first
    assert "The line begins with the second full run" in first
    load(*(row(f"d{n:02}", n, value=10) for n in range(1, 7)))
    assert "These figures are stale. The data has changed" in text_of(client.get("/"))
    run()
    second = text_of(client.get("/"))
    assert "Customers 36 ▲ up 6 (20.0 %)" in second and "stale" not in second
    assert "Segments over time" in second and "The line begins" not in second
    # A run of a segment is compared with the last full one.
    run("high")
    assert "Customers 36 Unchanged since the full run before" in text_of(client.get("/"))


def test_after_other_settings_the_overview_says_that_it_is_not_by_them(client, key, load, run):
    load(*(row(f"c{n:02}", n, value=10 * n) for n in range(1, 31)))
    run()
    sign_in(client, key())
    assert "settings have changed" not in client.get("/").text
    answer = client.put(
        "/api/v1/settings",
        json={"atRiskDays": 90},
        headers={"Authorization": f"Bearer {key('admin')}"},
    )
    assert answer.status_code == 200
    assert "settings have changed" in client.get("/").text


def test_at_risk_days_that_do_not_fit_are_told_with_those_that_would(client, key, load, run):
    # Everybody returns after 60 days, and nearly everybody was here 40 days ago.
    load(
        *(row(f"c{n:02}", 100, value=10) for n in range(30)),
        *(row(f"c{n:02}", 40, value=10) for n in range(30)),
        *(row(f"new{n}", 1, value=10) for n in range(3)),
    )
    run()
    sign_in(client, key())
    found = text_of(client.get("/"))
    assert "30 at-risk days don’t fit your customers: at 91 % of them" in found
    assert "come back within 60 days; with that setting 0 % are at risk. Try 60 days" in found


def test_before_the_first_run_the_overview_says_what_to_do(client, key, load):
    load(row("ann", 3, value=10))
    sign_in(client, key("admin"))
    assert "1 customer" in client.get("/").text and "clv/compute" in client.get("/").text
