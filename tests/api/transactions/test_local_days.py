"""Days are the shop's own: files of local times, of offsets, of UTC and of days alone, around local
midnight and both changes of daylight saving."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tests.api.transactions.support import HEADER, stored
from tests.support.orders import Order, rendered
from tests.support.shops import LAYOUTS

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata")
# In each zone one of these days has 23 hours, and one 25; but for Kolkata.
CHANGES = ("2026-03-08", "2026-03-29", "2025-10-26", "2025-11-02")
SHOPIFY = (
    "Name,Email,Financial Status,Currency,Total,Refunded Amount,Created at,Lineitem quantity,"
    "Lineitem name,Cancelled at\n"
)


def moments(zone: ZoneInfo) -> list[datetime]:
    """Moments in UTC: every half hour of the days around the changes, and the seconds around each
    local midnight."""
    times = []
    for day in CHANGES:
        start = datetime.fromisoformat(day) - timedelta(days=1)
        times += [(start + timedelta(minutes=30 * n)).replace(tzinfo=UTC) for n in range(144)]
        for n in range(4):
            midnight = (start + timedelta(days=n)).replace(tzinfo=zone).astimezone(UTC)
            times += [midnight + timedelta(seconds=s) for s in (-1, 0, 1)]
    return sorted(set(times))


def orders_in(zone: ZoneInfo) -> list[Order]:
    """An order at each moment, of three customers in turn, each with its own total."""
    return [
        Order(n, "abc"[n % 3], at, Decimal(100 + n) / 4) for n, at in enumerate(moments(zone), 1)
    ]


def daily(orders: list[Order], name: str, customer=lambda order: order.email) -> list[tuple]:
    """What the shop itself adds up for its days."""
    days: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for order in orders:
        day = days[customer(order), f"{order.moment.astimezone(ZoneInfo(name)):%Y-%m-%d}"]
        day[0] += 1
        day[1] += int(order.total * 10_000)
    return sorted((*key, count, count, value) for key, (count, value) in days.items())


def is_told_by_the_clock(order: Order, zone: ZoneInfo) -> bool:
    """Whether its time on the wall is that of no other moment."""
    local = order.moment.astimezone(zone)
    return local.utcoffset() == local.replace(fold=1 - local.fold).utcoffset()


def local_times(orders: list[Order], zone: ZoneInfo) -> str:
    rows = [f"{o.email},{o.moment.astimezone(zone):%Y-%m-%d %H:%M:%S},{o.total}\n" for o in orders]
    return HEADER + "".join(rows)


def days_alone(orders: list[Order], zone: ZoneInfo) -> str:
    rows = [f"{o.email},{o.moment.astimezone(zone):%Y-%m-%d},{o.total}\n" for o in orders]
    return HEADER + "".join(rows)


def offsets(orders: list[Order], zone: ZoneInfo) -> str:
    rows = [
        f"#{o.number},{o.email},paid,EUR,{o.total},0.00,"
        f"{o.moment.astimezone(zone):%Y-%m-%d %H:%M:%S %z},1,Mug,\n"
        for o in orders
    ]
    return SHOPIFY + "".join(rows)


def in_utc(orders: list[Order], zone: ZoneInfo) -> str:
    return rendered(LAYOUTS["stripe_payments"], orders).decode()


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("written", [local_times, days_alone, offsets, in_utc])
def test_daily_sums_are_the_shops_own(name, written, put, days_of):
    days_of(name)
    orders = orders_in(ZoneInfo(name))
    answer = put(written(orders, ZoneInfo(name)))
    assert answer.status_code == 200, answer.text
    assert stored() == daily(orders, name)


@pytest.mark.parametrize("name", ZONES)
def test_records_of_local_times_are_the_same_in_a_run_and_one_by_one(name, put, days_of, scored):
    days_of(name)
    orders = orders_in(ZoneInfo(name))
    put(local_times(orders, ZoneInfo(name)))
    records = scored()
    today = datetime.now(ZoneInfo(name)).date()
    for customer, record in records.items():
        days = [o.moment.astimezone(ZoneInfo(name)).date() for o in orders if o.email == customer]
        assert record["rfmFrequency"] == len(days)
        assert record["rfmRecency"] == (today - max(days)).days
        assert record["tenure"] == (today - min(days)).days


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("written", [local_times, offsets, in_utc])
def test_nightly_files_of_local_days_do_not_overwrite_each_other(name, written, put, days_of):
    days_of(name)
    zone = ZoneInfo(name)
    orders = [o for o in orders_in(zone) if o.moment.year == 2026]
    nights: dict[str, list[Order]] = defaultdict(list)
    for order in orders:
        nights[f"{order.moment.astimezone(zone):%Y-%m-%d}"].append(order)
    for night in nights.values():
        answer = put(written(night, zone))
        assert answer.status_code == 200, answer.text
        assert (answer.json["lowered"], answer.json["updated"]) == (0, 0)
    assert stored() == daily(orders, name)
    # Days are complete in their files, so that the last one again changes nothing.
    assert put(written(nights["2026-03-29"], zone)).json["unchanged"] == 3


def test_the_zone_of_a_files_times_is_not_that_of_the_days(put, days_of):
    days_of("Europe/Berlin")
    zone = ZoneInfo("America/New_York")
    orders = [o for o in orders_in(zone) if is_told_by_the_clock(o, zone)]
    answer = put(local_times(orders, zone), {"timeZone": "America/New_York"})
    assert answer.status_code == 200, answer.text
    assert stored() == daily(orders, "Europe/Berlin")
