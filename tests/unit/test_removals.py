"""How removals name and number customers, one or very many."""

import pytest

from clv import db
from clv.store import removals
from tests.api.support import insert_records, numbered_records
from tests.support.removals import hmac_of

# More than are read at once, and some that need care.
AWKWARD = ["Zoë 🎈", "\\x00", "it's", "100%s", '"', "a b"]
RECORDS = numbered_records(removals._READ_AT_ONCE + 100)


@pytest.fixture
def stored(tenant) -> list[str]:
    for record, customer_id in zip(RECORDS, AWKWARD, strict=False):
        record["customer_id"] = customer_id
    insert_records(RECORDS)
    return [record["customer_id"] for record in RECORDS]


def test_deleting_many_records_names_each_customer_once_under_gapless_numbers(stored, tenant):
    with db.scope(), db.transaction():
        removals.add(tenant.id, ["ann"], erased=True)
        kept = "customer_id <> %s"
        condition = f"FROM clv_record WHERE tenant_id = %s AND {kept}"
        removals.delete_records(tenant.id, condition, (tenant.id, AWKWARD[0]))
    with db.scope():
        assert db.rows("SELECT customer_id FROM clv_record") == [(AWKWARD[0],)]
        rows = db.rows("SELECT number, customer_hmac, erased FROM removal ORDER BY number")
        key = removals.key(tenant.id)
        assert [number for number, *_ in rows] == list(range(1, len(stored) + 1))
        assert rows[0] == (1, hmac_of(key, "ann"), True)
        named = {name for _, name, erased in rows[1:] if not erased}
        assert named == {hmac_of(key, one) for one in stored[1:]}
        assert removals.last(tenant.id) == len(stored)
        assert bool(removals.erased_since(tenant.id, 1)) is False


def test_without_records_there_is_no_removal(tenant):
    with db.scope(), db.transaction():
        removals.delete_records(tenant.id, "FROM clv_record WHERE tenant_id = %s", (tenant.id,))
    with db.scope():
        assert removals.last(tenant.id) == 0
        assert len(removals.key(tenant.id)) == 64


def test_the_key_is_made_once(tenant):
    with db.scope():
        assert removals.key(tenant.id) == removals.key(tenant.id)
