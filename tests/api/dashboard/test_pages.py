"""What the pages send: headers, files, errors and the names of customers."""

import re
from html import unescape

import pytest
from markupsafe import escape

from clv import db
from tests.api.dashboard.support import ORIGIN, sign_in, token_of
from tests.api.support import row

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


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
