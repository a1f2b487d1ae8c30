"""Who may read all of these, what they need, and wrong queries."""

import pytest

from app import create_app
from clv import db
from clv.api import paging
from tests.api.insights.support import CHANGES, HISTORY, SUMMARY, customer_history_url
from tests.api.support import row
from tests.conftest import unreachable_redis


def test_it_needs_no_redis(app, settings, run, headers, load):
    load(row("a", 1))
    run()
    lonely = create_app(unreachable_redis(settings)).test_client()
    key = headers("viewer")
    for url in (SUMMARY, HISTORY, CHANGES, customer_history_url("a")):
        assert lonely.get(url, headers=key).status_code == 200


def test_another_tenant_sees_nothing_of_it(client, headers, run, get, load):
    load(row("a", 1))
    run()
    foreign = headers("viewer", "other")
    with db.scope():
        last = db.value("SELECT MAX(id) FROM run")
    assert client.get(SUMMARY, headers=foreign).json["jobId"] is None
    for url in (HISTORY, CHANGES):
        for query in ("", f"?cursor={paging.encode(last + 1)}" if url == HISTORY else ""):
            assert client.get(url + query, headers=foreign).json["data"] == []
    assert len(get(f"{HISTORY}?cursor={paging.encode(last + 1)}")["data"]) == 1


@pytest.mark.parametrize(
    ("url", "field"),
    [
        (f"{CHANGES}?to=lost", "to"),
        (f"{CHANGES}?to=", "to"),
        (f"{CHANGES}?since=yesterday", "since"),
        (f"{CHANGES}?since=2026-04-30T09:15:00", "since"),
        (f"{CHANGES}?since=2999-01-01", "since"),
        (f"{CHANGES}?since=-1", "since"),
        (f"{CHANGES}?from=low", "from"),
        (f"{CHANGES}?limit=101", "limit"),
        (f"{CHANGES}?cursor=x", "cursor"),
        (f"{CHANGES}?cursor={paging.encode(1)}", "cursor"),
        (f"{HISTORY}?cursor={paging.encode('x')}", "cursor"),
        (f"{HISTORY}?limit=0", "limit"),
        (f"{customer_history_url('a')}?cursor={paging.encode(1, 'a')}", "cursor"),
        (f"{customer_history_url('a')}?since=2026-04-30", "since"),
    ],
)
def test_a_wrong_query_names_the_field(client, headers, load, url, field):
    load(row("a", 1))
    answer = client.get(url, headers=headers("viewer"))
    assert answer.status_code == 400, answer.text
    assert field in answer.json["errors"]["query"] and field in answer.json["message"]
    if field == "to":
        assert "high, medium, low, at_risk" in answer.json["message"]


def test_every_role_reads_and_nobody_without_a_key(client, headers, load):
    load(row("a", 1))
    for url in (SUMMARY, HISTORY, CHANGES, customer_history_url("a")):
        for role in ("viewer", "editor", "admin"):
            assert client.get(url, headers=headers(role)).status_code == 200
        assert client.get(url).status_code == 401
    assert client.get(customer_history_url("%20"), headers=headers()).status_code == 400
