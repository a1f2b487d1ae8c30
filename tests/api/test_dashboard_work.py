"""The pages that change something: who may use them, what they refuse, and what they never show."""

import io
import re
import uuid

import pytest
from flask.testing import FlaskClient

from clv import db
from clv.auth import keys, tokens
from clv.db import connections
from clv.prediction import backtest_result
from clv.prediction.verdict import interval_sentence
from clv.store import backtests, tenants, totals
from clv.store import runs as stored
from tests.api.pages import ORIGIN, Visitor
from tests.api.support import row
from tests.support.backtests import OLD_RESULT, RESULT

SETTINGS = {
    "recency": "35",
    "frequency": "35",
    "monetary": "30",
    "atRiskDays": "45",
    "lifespanMonths": "24",
    "minTenureMonths": "6",
    "churnHorizonDays": "90",
    "timeZone": "UTC",
    "model": "auto",
    "currency": "EUR",
}
CSV = b"customer_id,date,amount\nann,2026-04-30,42.50\n"


@pytest.fixture
def visitor(app, headers):
    """Somebody with a role: ``visitor("viewer")``, of acme or of another tenant."""
    return lambda role="admin", name="acme": Visitor(app, headers(role, name))


def run_of(name):
    with db.scope():
        return stored.join_or_create(tenants.tenant_by_name(name).id, None, "test", 10**9)[0]


@pytest.mark.parametrize(
    ("method", "path", "least"),
    [
        ("get", "/jobs", "viewer"),
        ("post", "/jobs", "admin"),
        ("post", "/jobs/{job}/cancel", "admin"),
        ("get", "/jobs/{job}", "viewer"),
        ("get", "/data", "editor"),
        ("put", "/data/transactions", "editor"),
        ("get", "/data/runs/{job}", "editor"),
        ("get", "/settings", "viewer"),
        ("post", "/settings", "admin"),
        ("post", "/settings/preview", "viewer"),
        ("get", "/keys", "admin"),
        ("post", "/keys", "admin"),
        ("post", "/keys/{key}/revoke", "admin"),
        ("get", "/backtest", "viewer"),
        ("post", "/backtest", "admin"),
    ],
)
def test_a_role_that_is_too_low_is_refused(visitor, tenant, method, path, least):
    roles = ("viewer", "editor", "admin")
    path = path.format(job=run_of("acme").job_id, key="0" * 12)
    for role in roles:
        someone = visitor(role)
        body = {"body": CSV} if method == "put" else {}
        status = getattr(someone, method)(path, **body).status_code
        assert (status == 403) == (roles.index(role) < roles.index(least)), (role, status)


def test_the_navigation_shows_only_what_a_role_may_use(visitor):
    places = {
        role: re.findall(r'class="nav">(.*?)</ul>', visitor(role).get("/jobs").text, re.S)[0]
        for role in ("viewer", "editor", "admin")
    }
    assert "Keys" in places["admin"] and "Keys" not in places["editor"]
    assert "Data" in places["editor"] and "Data" not in places["viewer"]


def test_without_the_token_nothing_is_done(visitor, tenant):
    someone = visitor()
    for path in ("/jobs", "/keys", "/settings", "/settings/preview", "/backtest"):
        answer = someone.client.post(path, data={**SETTINGS, "role": "admin"})
        assert answer.status_code == 403, path
    assert someone.client.put("/data/transactions", data=CSV).status_code == 403
    with db.scope():
        assert not stored.page(tenant.id, None, 1)
        assert len(keys.keys_of_tenant(tenant)) == 1


def test_what_belongs_to_another_tenant_does_not_exist(visitor, headers):
    visitor("admin", "other")
    run, someone = run_of("other"), visitor()
    with db.scope():
        other = tenants.tenant_by_name("other")
        theirs = keys.keys_of_tenant(other)[0].public
        backtests.create(other.id, 30, "test", 10**9)
    never = uuid.uuid4()
    for path in ("/jobs/{}", "/jobs/{}/progress"):
        found, unknown = (someone.get(path.format(name)) for name in (run.job_id, never))
        assert found.status_code == unknown.status_code == 404
        assert run.job_id not in found.text
    assert someone.post(f"/jobs/{run.job_id}/cancel").status_code == 404
    assert someone.post(f"/keys/{theirs}/revoke").status_code == 404
    assert theirs not in someone.get("/keys").text
    assert run.job_id not in someone.get("/jobs").text
    assert "Waiting for a worker" not in someone.get("/backtest").text
    with db.scope():
        assert stored.by_id(run.id).is_active
        assert keys.keys_of_tenant(other)[0].revoked_ms is None


def test_a_form_of_any_size_is_not_taken_from_a_stranger(app):
    stranger = FlaskClient(app, app.response_class)
    token = re.search(r'name="form_token" value="(\w+)"', stranger.get("/sign-in").text).group(1)
    form = {"key": (io.BytesIO(b"x" * 100_000), "a.txt")}
    for more in ({"X-Form-Token": token}, {}):
        answer = stranger.post("/sign-in", data=dict(form), headers={**ORIGIN, **more})
        assert answer.status_code == 413
        form = {"key": (io.BytesIO(b"x" * 100_000), "a.txt"), "form_token": token}


def test_trying_settings_out_may_take_as_long_as_over_http(visitor, load, monkeypatch):
    load(row("ann", 1))
    given = []
    sample_totals = totals.sample_totals

    def watched(*arguments):
        given.append(connections._statement_seconds.get())
        return sample_totals(*arguments)

    monkeypatch.setattr(totals, "sample_totals", watched)
    assert visitor("viewer").post("/settings/preview", **SETTINGS).status_code == 200
    assert given == [db.LONG_SECONDS]


def test_a_run_is_started_joined_and_cancelled(visitor, tenant):
    someone = visitor()
    first, second = someone.post("/jobs", segment="high"), someone.post("/jobs", segment="")
    assert first.status_code == 303 and first.location == second.location
    page = someone.get(first.location)
    assert "Queued" in page.text and "Cancel the run" in page.text
    assert someone.post(f"{first.location}/cancel").status_code == 303
    assert "Cancelled" in someone.get(first.location).text
    assert someone.post(f"{first.location}/cancel").status_code == 409
    part = someone.get(f"{first.location}/progress", **{"HX-Request": "true"})
    assert part.headers["HX-Refresh"] == "true" and "<html" not in part.text
    assert someone.post("/jobs", segment="best").status_code == 400


def test_the_errors_of_a_run_come_in_pages(visitor, tenant):
    run = run_of("acme")
    with db.scope():
        rows = [(run.id, f"c{n:02}", "No contact.") for n in range(25)]
        db.execute_many("INSERT INTO run_error VALUES (%s, %s, %s)", rows)
    someone = visitor("viewer")
    page = someone.get(f"/jobs/{run.job_id}").text
    assert ">c19<" in page and ">c20<" not in page
    more = re.search(r'href="([^"]*cursor=[^"]*)"', page).group(1)
    assert ">c20<" in someone.get(more).text and ">c24<" in someone.get(more).text
    assert someone.get("/jobs?cursor=x").status_code == 400


def test_settings_are_tried_out_and_saved(visitor, load):
    load(
        {
            "customerId": "ann",
            "periodType": "daily",
            "periodKey": "2026-04-30",
            "converts": 1,
            "totalValue": 5,
            "lastContactAt": "2026-04-30T10:00:00Z",
        }
    )
    preview = visitor("viewer").post("/settings/preview", **SETTINGS)
    assert preview.status_code == 200 and "At risk" in preview.text and "<html" not in preview.text
    someone = visitor()
    assert (
        someone.post(
            "/settings",
            **SETTINGS,
        ).status_code
        == 303
    )
    with db.scope():
        saved = tenants.tenant_by_name("acme")
    assert (saved.settings.at_risk_days, saved.currency) == (45, "EUR")
    assert 'value="45"' in someone.get("/settings").text
    assert 'value="77"' in someone.get("/settings?atRiskDays=77").text
    assert '<option value="Europe/Berlin">' in someone.get("/settings").text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"recency": "40"}, "add up to 105 %"),
        ({"recency": "x"}, "recency: Not a valid number"),
        ({"recency": "nan"}, "recency"),
        ({"atRiskDays": "0"}, "atRiskDays: Must be greater than"),
        ({"atRiskDays": "1.5"}, "atRiskDays: Not a valid integer"),
        ({"atRiskDays": ""}, "atRiskDays"),
        ({"timeZone": "Berlin"}, "timeZone: Must be a time zone of the IANA database"),
        ({"model": "oracle"}, "model: Must be one of"),
        ({"currency": "<b>"}, "currency: Must be three capital letters"),
    ],
)
def test_wrong_settings_are_told_in_words_and_kept_in_the_form(visitor, tenant, change, words):
    answer = visitor().post("/settings", **SETTINGS | change)
    assert answer.status_code == 400 and words in answer.text and "Nothing was saved" in answer.text
    [given] = change.values()
    assert (
        given == "oracle"
        or f'value="{given.replace("<", "&lt;").replace(">", "&gt;")}"' in answer.text
    )
    with db.scope():
        assert tenants.tenant_by_name("acme").settings == tenant.settings


def test_a_token_is_shown_once_and_never_again(app, visitor, client, tenant):
    someone = visitor()
    created = someone.post("/keys", role="editor", label="<i>nightly</i>", expiresDays="30")
    assert created.status_code == 201
    token = re.search(r"clv_\w+", created.text).group(0)
    answer = client.get("/api/v1/settings", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    for path in ("/keys", "/", "/jobs", "/settings"):
        assert token.split("_")[2] not in someone.get(path).text
    assert "&lt;i&gt;nightly" in someone.get("/keys").text
    public = tokens.public_part(token)
    assert someone.post(f"/keys/{public}/revoke").status_code == 303
    answer = client.get("/api/v1/settings", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


def test_a_key_that_can_not_be_made_or_removed_says_why(visitor, tenant):
    someone = visitor()
    for form in (
        {"role": "owner"},
        {"role": "viewer", "expiresDays": "0"},
        {"role": "viewer", "expiresDays": "x"},
        {"role": "viewer", "expiresDays": "9" * 5_000},
    ):
        assert someone.post("/keys", **form).status_code == 400
    with db.scope():
        [own] = keys.keys_of_tenant(tenant)
    answer = someone.post(f"/keys/{own.public}/revoke")
    assert answer.status_code == 409 and "last admin key" in answer.text


def test_one_backtest_at_a_time_is_started(visitor, tenant):
    someone = visitor()
    assert "no result yet" in someone.get("/backtest").text
    for days in ("x", "0", "9" * 5_000):
        assert someone.post("/backtest", holdoutDays=days).status_code == 400
    assert someone.post("/backtest", holdoutDays="").status_code == 303
    assert "Waiting for a worker" in someone.get("/backtest").text
    assert someone.post("/backtest", holdoutDays="30").status_code == 409


def test_a_failed_backtest_stands_above_the_last_good_one(visitor, tenant):
    with db.scope():
        found = backtests.create(tenant.id, 30, "test", 10**9)
        backtests.fail(found.id, "There were no customers.")
    assert "The newest backtest failed" in visitor("viewer").get("/backtest").text


@pytest.mark.parametrize(
    ("result", "badges", "interval"),
    [
        (RESULT, ["use for revenue"], [interval_sentence(RESULT.models)]),
        (OLD_RESULT, ["use for revenue", "use for churn"], []),
    ],
    ids=["of this version", "of the version before"],
)
def test_the_page_says_which_model_to_use_for_revenue_and_which_for_churn(
    visitor, tenant, result, badges, interval
):
    with db.scope():
        created = backtests.create(tenant.id, None, "test", 10**9)
        attempt = backtests.claim(created.id, 1_000)
        assert backtests.finish(created.id, attempt, 91, backtest_result.to_json(result))
    page = visitor("viewer").get("/backtest").text
    assert re.findall(r'class="verdict">(.*?)</p>', page) == [
        result.revenue_sentence,
        result.churn_sentence,
    ]
    assert re.findall(r'class="recommended">(.*?)</span>', page) == badges
    assert re.findall(r"The 80 % interval .*?\.", page) == interval
