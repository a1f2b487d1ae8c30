"""Who may read the records."""

from urllib.parse import urlencode

import pytest

from clv import db
from clv.store import tenants
from tests.api.records.support import CSV, NDJSON, URL, seeded
from tests.api.support import insert_records


@pytest.mark.parametrize("accept", [None, CSV, NDJSON])
def test_a_viewer_may_and_nobody_without_a_key(client, get, records, accept):
    assert get(accept).status_code == 200
    refused = client.get(URL, headers={"Accept": accept} if accept else {})
    assert (refused.status_code, refused.json["code"]) == (401, 401)


def test_records_of_another_tenant_are_never_listed(client, headers, get, records):
    key = headers("viewer", "other")
    with db.scope():
        other = tenants.tenant_by_name("other").id
    insert_records(seeded(3, 20, None, other))
    mine = {r["customer_id"] for r in records}
    theirs = client.get(f"{URL}?limit=100&count=1", headers=key).json
    assert (len(theirs["data"]), theirs["pagination"]["total"]) == (20, 20)
    assert {entry["jobId"] for entry in theirs["data"]} == {None}
    only_mine = sorted(mine - {entry["customerId"] for entry in theirs["data"]})[:50]
    found = client.get(f"{URL}?{urlencode({'customerId': only_mine}, doseq=True)}", headers=key)
    assert found.json["data"] == []
    cursor = get(sort="-clvScore").json["pagination"]["cursor"]
    after = client.get(f"{URL}?sort=-clvScore&cursor={cursor}&limit=100", headers=key).json["data"]
    assert all(entry in theirs["data"] for entry in after)
    file = client.get(URL, headers={**key, "Accept": NDJSON}).text
    assert file.count("\n") == 20
    assert get(CSV).text.count("\n") == len(records) + 1
    wrong = client.get(URL, headers={**key, "X-Tenant-Id": "acme", "Accept": CSV})
    assert wrong.status_code == 403
