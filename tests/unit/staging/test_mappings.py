"""What a file was read by is remembered by its header."""

from clv import db
from clv.store import mappings, tenants

CHOICES = {"customer": ["Käufer"], "dateOrder": "dmy"}


def test_a_header_brings_back_its_choices(tenant):
    assert mappings.recalled(tenant.id, "a") is None
    mappings.remember(tenant.id, "a", {"customer": []})
    mappings.remember(tenant.id, "a", CHOICES)
    assert mappings.recalled(tenant.id, "a") == CHOICES
    assert mappings.recalled(tenant.id, "b") is None


def test_a_mapping_is_the_tenants_own(tenant):
    other = tenants.create_tenant("globex")
    mappings.remember(tenant.id, "a", CHOICES)
    mappings.remember(other.id, "a", {"customer": ["Email"]})
    db.execute("UPDATE file_mapping SET used_ms = used_ms - 9")
    for number in range(mappings.MOST_MAPPINGS):
        mappings.remember(other.id, f"b{number}", {})
    assert mappings.recalled(tenant.id, "a") == CHOICES
    assert mappings.recalled(other.id, "a") is None


def test_the_one_that_was_not_used_for_longest_goes(tenant):
    for number in range(mappings.MOST_MAPPINGS):
        mappings.remember(tenant.id, f"{number}", {})
    seven_and_eight = "header_sha256 IN ('7', '8')"
    db.execute(f"UPDATE file_mapping SET used_ms = CASE WHEN {seven_and_eight} THEN 1 ELSE 2 END")
    mappings.remember(tenant.id, "7", CHOICES)
    mappings.remember(tenant.id, "new", CHOICES)
    gone = [n for n in range(100) if mappings.recalled(tenant.id, f"{n}") is None]
    assert gone == [8]
    assert mappings.recalled(tenant.id, "new") == CHOICES


def test_a_deleted_tenant_takes_its_mappings_along(tenant):
    mappings.remember(tenant.id, "a", CHOICES)
    tenants.delete_tenant(tenant.id)
    assert db.value("SELECT COUNT(*) FROM file_mapping") == 0
