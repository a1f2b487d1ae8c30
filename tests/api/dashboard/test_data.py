"""The page Data: what is shown of a file, what it takes to load it, and what follows."""

import html
import re
from dataclasses import replace

import pytest

from app import create_app
from clv import db
from clv.services import runs
from clv.store import tenants
from tests.api.pages import Visitor
from tests.support.processes import free_port

PLAIN = b"customer_id,date,amount\nann,2026-04-30,42.50\nbo,2026-05-02,10\nann,2026-05-02,-2.50\n"
BAD = b"customer_id,date,amount\nann,2026-04-30,42.50\nbob,yesterday,1\ncy,2026-04-30,\n"
PART = {"HX-Request": "true"}


@pytest.fixture
def visitor(app, headers):
    """Somebody with a role: ``visitor("viewer")``, of acme or of another tenant."""
    return lambda role="admin", name="acme": Visitor(app, headers(role, name))


def customers(name="acme"):
    with db.scope():
        return tenants.tenant_by_name(name).customers


def facts(text):
    """The figures of a part of the page, by their names."""
    pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text)
    return {html.unescape(name): html.unescape(value) for name, value in pairs}


def test_a_preview_says_what_the_file_is_and_stores_nothing(visitor, tenant):
    answer = visitor("editor").preview("", PLAIN)
    assert answer.status_code == 200 and "<html" not in answer.text
    assert facts(answer.text) == {
        "Transactions": "2",
        "Refunds": "1",
        "Customers": "2",
        "Days": "30 Apr to 2 May 2026",
        "Total": "50.00 USD",
    }
    assert 'data-load="Load 2 transactions"' in answer.text
    assert customers() == 0


def test_figures_of_a_files_beginning_are_not_given_as_those_of_the_file(visitor, tenant):
    shown = visitor("editor").preview("partial=true", PLAIN + b"cy,2026-0")
    assert "These are figures of the file’s beginning" in html.unescape(shown.text)
    assert 'data-load="Load the file"' in shown.text and 'data-bad="0"' in shown.text


def test_the_currency_may_be_said_where_the_file_does_not_name_it(visitor, tenant):
    shown = visitor("editor").preview("currency=EUR", PLAIN)
    assert facts(shown.text)["Total"] == "50.00 EUR"
    assert re.search(r'<option value="EUR" selected>\s*All in EUR', shown.text)


def test_bad_lines_are_told_by_reason_and_keep_the_file_out_unless_they_are_left_out(
    visitor, tenant
):
    someone = visitor("editor")
    shown = someone.preview("", BAD)
    assert 'data-bad="2"' in shown.text and "2 lines can’t be read" in shown.text
    assert "yesterday" in html.unescape(shown.text)
    refused = someone.put("/data/transactions", BAD)
    assert refused.status_code == 400 and 'role="alert"' in refused.text
    assert "2 bad lines" in refused.text and "yesterday" in html.unescape(refused.text)
    assert customers() == 0
    loaded = someone.put("/data/transactions?skipBadLines=true", BAD)
    assert loaded.status_code == 200 and "2 lines could not be read" in loaded.text
    assert "yesterday" in html.unescape(loaded.text)
    assert customers() == 1


@pytest.mark.parametrize(
    ("query", "body", "kind", "status", "words"),
    [
        ("", b"%PDF-1.7\n%\xe2\xe3", "text/csv", 400, "PDF"),
        ("skipBadLines=true&replace=true", PLAIN, "text/csv", 400, "skipBadLines"),
        ("strict=false", PLAIN, "text/csv", 400, "skipBadLines"),
        ("decimals=.", PLAIN, "text/csv", 400, "decimals: Unknown field"),
        ("", PLAIN, "application/pdf", 415, "The body must be"),
    ],
)
def test_what_can_not_be_taken_is_an_alert_and_keeps_nothing(
    visitor, tenant, query, body, kind, status, words
):
    answer = visitor("editor").put(f"/data/transactions?{query}", body, kind)
    assert answer.status_code == status and 'role="alert"' in answer.text
    assert words in html.unescape(answer.text)
    assert customers() == 0


def test_an_admins_load_starts_a_run_and_leads_to_the_results(visitor, tenant):
    someone = visitor("admin")
    loaded = someone.put("/data/transactions", PLAIN)
    assert facts(loaded.text)["Customers’ days added"] == "3"
    address = html.unescape(re.search(r'hx-get="([^"]+)"', loaded.text).group(1))
    assert "No worker is running" in loaded.text
    waiting = someone.get(address, **PART)
    assert "Queued" in waiting.text and "HX-Redirect" not in waiting.headers
    with db.scope():
        run = runs.runs.page(tenant.id, None, 1)[0]
        assert runs.runs.close(run.id, "finished", "")
    ended = someone.get(address, **PART)
    assert ended.headers["HX-Redirect"] == "/?notice=loaded"
    assert "The file is loaded" in someone.get("/?notice=loaded").text
    assert visitor("admin", "other").get(address, **PART).status_code == 404


def test_a_load_that_lowers_days_says_so_also_where_it_leads(visitor, tenant):
    someone = visitor("admin")
    someone.put("/data/transactions", PLAIN)
    less = b"customer_id,date,amount\nann,2026-04-30,2.50\n"
    loaded = someone.put("/data/transactions", less)
    assert "1 day of customers has less than before" in loaded.text
    assert "notice=lowered" in loaded.text
    assert "less on a day" in someone.get("/?notice=lowered").text


def test_an_editors_load_starts_no_run_and_says_who_can(visitor, tenant):
    loaded = visitor("editor").put("/data/transactions", PLAIN)
    assert "hx-get" not in loaded.text and "Somebody with an admin key" in loaded.text
    with db.scope():
        assert not runs.runs.page(tenant.id, None, 1)


def test_without_redis_the_file_is_stored_and_the_page_says_what_is_missing(
    app, settings, headers, tenant
):
    unreachable = replace(settings, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    someone = Visitor(create_app(unreachable), headers("admin"))
    loaded = someone.put("/data/transactions", PLAIN)
    assert loaded.status_code == 200 and "The file is loaded" in loaded.text
    assert "The scores can’t be computed now" in loaded.text
    assert customers() == 2


def test_replacing_says_how_many_customers_it_removes(visitor, tenant):
    someone = visitor("editor")
    assert 'name="replace"' not in someone.get("/data").text
    someone.put("/data/transactions", PLAIN)
    assert 'name="replace"' in someone.get("/data").text
    for body, words in (
        (
            b"customer_id,date,amount\nbo,2026-05-02,10\n",
            "1 of your 2 customers is not in this file",
        ),
        (PLAIN, "All of your 2 customers are in this file"),
        (b"customer_id,date,amount\ncy,2026-05-02,10\n", "2 of your 2 customers are not in this"),
    ):
        shown = someone.send("POST", "/data/removal", body, "text/csv")
        assert words in shown.text and customers() == 2
        someone.put("/data/transactions?replace=true", body)
        assert customers() == (2 if body == PLAIN else 1)
        someone.put("/data/transactions?replace=true", PLAIN)


def test_whom_replacing_removes_is_not_said_while_a_question_is_open(visitor, tenant):
    body = b"customer_id,date,amount\nann,03/04/2026,5\n"
    refused = visitor("editor").send("POST", "/data/removal", body, "text/csv")
    assert refused.status_code == 400 and "dateOrder" in refused.text


def test_a_preview_needs_our_token(visitor, tenant):
    someone = visitor("editor")
    assert someone.client.post("/data/preview", data=PLAIN).status_code == 403
    assert visitor("viewer").preview("", PLAIN).status_code == 403


def test_what_stands_in_a_file_is_shown_as_text(visitor, tenant):
    shown = visitor("editor").preview("", b"customer_id,date,amount\n<i>x,2026-04-30,1\n")
    assert "<i>x" not in shown.text and "&lt;i&gt;x" in shown.text
