"""First requests of a tenant without a distribution."""

import threading
from concurrent.futures import ThreadPoolExecutor

from clv import db
from clv.db.clock import now_ms
from clv.domain.settings import ScoreSettings
from clv.services.snapshots import scan_customers
from clv.store import snapshots, tenants
from tests.api.degradation.support import CLV, many_rows
from tests.api.support import row
from tests.conftest import EVENT_SECONDS


def test_first_requests_at_once_build_one_distribution_and_all_are_answered(app, headers, load):
    load(*many_rows("c"))
    key, clients = headers(), 16
    paths = [f"/api/v1/customers/{one['customerId']}/clv" for one in many_rows("c")[:clients]]
    with ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(lambda path: app.test_client().get(path, headers=key), paths))
    assert [answer.status_code for answer in answers] == [200] * clients
    assert db.value("SELECT MAX(id) FROM snapshot") == 1


def test_a_distribution_that_was_built_before_the_lease_was_taken_is_not_built_again(
    app, headers, load, monkeypatch
):
    load(row("a", 1))
    key, answers = headers(), []
    wants, take = threading.Event(), snapshots.take_lease
    monkeypatch.setattr(snapshots, "take_lease", lambda tenant: wants.set() or take(tenant))
    late = threading.Thread(
        target=lambda: answers.append(app.test_client().get(CLV, headers=key).json)
    )
    with db.scope(), db.transaction():
        _, customers = tenants.lock_tenant(1)
        late.start()
        # It finds no distribution, and waits for the lease: 5 s at most.
        assert wants.wait(EVENT_SECONDS)
        found = scan_customers(1, ScoreSettings(), now_ms()).distribution
        snapshots.insert(1, customers, found, ScoreSettings(), 0)
    late.join()
    assert answers[0]["source"] == "computed"
    assert db.value("SELECT MAX(id) FROM snapshot") == 1
