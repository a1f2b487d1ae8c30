"""Daily summaries of the staged transactions, by the calendar days of a time zone."""

from clv import db
from clv.db.dialect import analyze, local_day, local_ms
from clv.domain.time_zone import TimeZone
from clv.domain.units import DAY_MS
from clv.store import staging
from clv.store.staging import COVERED, HELD, KIND, SALE
from clv.store.summaries import COLUMNS, first_contact, last_contact
from clv.store.sums import refuse_large_sums

_IS_PLAIN_CORRECTION = "amount < 0"
_IS_NO_CONTACT = f"({KIND} <> {SALE})"
_HAS_DAY = "customer_id <> '' AND contact_ms IS NOT NULL"


def staged_contacts() -> tuple[int, int]:
    """The times of the first and the last staged transaction; 0 without any."""
    return db.rows(
        "SELECT COALESCE(MIN(contact_ms), 0), COALESCE(MAX(contact_ms), 0) FROM staged_transaction"
    )[0]


def aggregate_transactions(zone: TimeZone, shift_days: int = 0) -> int:
    """Stage the daily summaries of the staged transactions, by customer and local day.

    A day on which a customer has covered rows only becomes a row of zeros, with which the merge
    deletes the stored day. A day with a held row is not staged at all.

    :param shift_days: move all transactions by so many local days, to the same time of day
    :returns: on how many days, of any customer, a row is held
    :raises Invalid: when the amounts of a day add up to more than the database can hold
    """
    staging.empty_summaries()
    if shift_days:
        _shift(zone, shift_days)
    # One day is as long as the other in UTC, whenever it is.
    first_ms, last_ms = (0, 0) if zone.is_utc else staged_contacts()
    day = local_day("contact_ms", zone, first_ms, last_ms)
    is_detailed = staging.are_detailed()
    held = _hold_days(day) if is_detailed else 0
    condition = f"{_HAS_DAY} AND COALESCE(kind, 0) <> {HELD}" if is_detailed else "TRUE"
    message = "The transactions of {0} on {1} add up to too much."
    refuse_large_sums(f"customer_id, {_key_of(day)}", condition, message)
    _aggregate(day, condition, is_detailed)
    analyze("staged_summary")
    return held


def _shift(zone: TimeZone, days: int) -> None:
    first_ms, last_ms = staged_contacts()
    local = local_ms("contact_ms", zone, first_ms, last_ms)
    db.execute(f"UPDATE staged_transaction SET contact_ms = {local} + %s", (days * DAY_MS,))
    if not zone.is_utc:
        back = local_ms("contact_ms", _to_utc(zone), *staged_contacts())
        db.execute(f"UPDATE staged_transaction SET contact_ms = {back}")


def _to_utc(zone: TimeZone) -> TimeZone:
    """What leads from local times back to moments, as :meth:`TimeZone.to_utc` does, in the form of
    a zone: the opposite offsets, from the local times on at which they take effect."""
    return TimeZone(zone.name, zone.local_changes_ms, -zone.offsets_ms)


def _hold_days(day: str) -> int:
    """Hold all rows of a customer and day of which one is held; return the number of such days."""
    held = f"SELECT DISTINCT customer_id, {day} FROM staged_transaction WHERE kind = {HELD}"
    count = db.value(f"SELECT COUNT(*) FROM ({held} AND {_HAS_DAY}) days")
    if count:
        db.execute(
            f"UPDATE staged_transaction SET kind = {HELD}"
            f" WHERE COALESCE(kind, 0) <> {HELD} AND (customer_id, {day}) IN ({held})"
        )
    return count


def _aggregate(day: str, condition: str, is_detailed: bool) -> None:
    no_contact = _IS_NO_CONTACT if is_detailed else _IS_PLAIN_CORRECTION
    contacts = f"COUNT(CASE WHEN NOT {no_contact} THEN 1 END)"
    amount = f"CASE WHEN kind = {COVERED} THEN 0 ELSE amount END" if is_detailed else "amount"
    first, last = (contact("contact_ms", no_contact) for contact in (first_contact, last_contact))
    db.execute(
        f"INSERT INTO staged_summary ({COLUMNS})"
        f" SELECT customer_id, {_key_of('day')}, '', '', '', contacts, contacts, amount, first,"
        f" last FROM (SELECT customer_id, {day} AS day,"
        f"  {contacts} AS contacts, SUM({amount}) AS amount,"
        f"  {first} AS first, {last} AS last FROM staged_transaction WHERE {condition}"
        "  GROUP BY customer_id, day ORDER BY customer_id, day) days"
    )


def _key_of(day: str) -> str:
    """The expression of the period key of a day since 1970."""
    if db.is_sqlite():
        return f"date({day} * 86400, 'unixepoch')"
    return f"to_char(DATE '1970-01-01' + CAST({day} AS INTEGER), 'YYYY-MM-DD')"
