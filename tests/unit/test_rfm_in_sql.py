"""The RFM groups of records by SQL, beside those by Python."""

from collections import Counter
from random import Random

import pytest

from clv import db
from clv.domain.groups import NAMES
from clv.domain.scoring import score_customer
from clv.domain.settings import ScoreSettings
from clv.domain.units import DAY_MS
from clv.store import listing, rfm, snapshots
from clv.store.listing import Filter
from clv.store.rankings import Order
from tests.api.support import insert
from tests.unit.support import AS_OF_MS, customer, survey

COLUMNS = (
    "tenant_id, customer_id, score, predicted_revenue, churn_probability, recency_days, frequency,"
    " monetary, segment, computed_ms, tenure_days"
)
# With few values there are ties, with many the breakpoints are thinned.
SHOPS = {
    "few": (40, 12, 5),
    "many": (1_500, 3_000, 10**9),
    "equal": (1, 1, 1),
    "no revenue": (99, 9, 0),
}
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu")


def a_customer(random: Random, days: int, most: int, richest: int, customer_id: str):
    monetary = random.choice([0, -5, richest, random.randint(-richest, richest)])
    return customer(random.randrange(days), random.randint(0, most), monetary, None, customer_id)


def computed_ms(random: Random) -> int:
    """Mostly by the run of the distribution, else somewhat before or after it, or long ago."""
    some_days = random.randrange(-400, 9) * DAY_MS + random.randrange(DAY_MS)
    long_ago = random.randrange(AS_OF_MS)
    return random.choice([AS_OF_MS, AS_OF_MS, max(0, AS_OF_MS + some_days), long_ago])


@pytest.fixture(params=[(shop, zone) for shop in SHOPS for zone in ZONES], ids="-".join)
def known(request, tenant):
    """A tenant with a distribution and records that were computed at many times; the starts of
    its fifths."""
    shop, zone = request.param
    random, settings = Random(f"{shop} {zone}"), ScoreSettings(time_zone=zone)
    found = [a_customer(random, *SHOPS[shop], f"c{n:04}") for n in range(1_300)]
    spread = survey(found, settings)
    rows = []
    for one in found:
        scores = score_customer(one, spread, settings, AS_OF_MS)
        values = (scores.recency_days, scores.frequency, scores.monetary, "high")
        rows.append((1, scores.customer_id, 50.0, 1, 0.5, *values, computed_ms(random), 9))
    with db.scope():
        with db.transaction():
            snapshots.insert(1, len(found), spread, settings, 0)
            insert("clv_record", COLUMNS, rows)
        yield rfm.current_starts(1)


def test_every_record_is_listed_in_its_group_and_in_no_other(known):
    everybody = listing.page(1, Filter(), Order(), None, 9_999)
    expected = {entry.scores.customer_id: known.rfm(entry.scores).group.name for entry in everybody}
    assert len(expected) == 1_300
    listed = {
        entry.scores.customer_id: name
        for name in NAMES
        for entry in listing.page(1, Filter(rfm_group=name), Order(), None, 9_999)
    }
    assert listed == expected
    counted = {name: listing.count(1, Filter(rfm_group=name)) for name in NAMES}
    assert {name: n for name, n in counted.items() if n} == Counter(expected.values())


def test_every_record_is_at_its_place(known):
    found = dict(db.rows(f"SELECT customer_id, {rfm.place(known)} FROM clv_record r"))
    for entry in listing.page(1, Filter(), Order(), None, 9_999):
        one = known.rfm(entry.scores)
        place = one.recency * rfm.PLACES_EACH + one.frequency_monetary if one.has_revenue else 0
        assert found[entry.scores.customer_id] == place


def test_without_a_distribution_nobody_is_in_a_group(known):
    snapshots.drop_current(1)
    assert rfm.current_starts(1) is None
    assert {listing.count(1, Filter(rfm_group=name)) for name in NAMES} == {0}
