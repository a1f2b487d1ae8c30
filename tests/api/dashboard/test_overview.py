"""The overview's words about the last full run."""

import re

import pytest

from clv import db
from tests.api.dashboard.support import sign_in
from tests.api.support import row
from tests.jobs.support import Bell, begin, complete


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
