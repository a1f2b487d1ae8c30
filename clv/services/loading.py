"""Files of what customers did: read to their end, staged, then merged in one transaction."""

from collections.abc import Iterable

from clv.db import Columns
from clv.db.clock import now_ms
from clv.domain.calendar import FUTURE_TOLERANCE_MS
from clv.domain.units import DAY_MS
from clv.errors import Invalid
from clv.files.reader import MAX_REPORTED, Rejected
from clv.store import merging, staging
from clv.store.merging import Merged
from clv.store.summaries import Summary
from clv.store.tenants import Tenant


def load_transactions(
    tenant: Tenant,
    chunks: Iterable[Columns],
    rejected: Rejected,
    strict: bool,
    replace: bool,
    replay_until_day: int | None = None,
) -> tuple[int, Merged]:
    """Read transactions to their end, then merge them in one transaction as daily summaries that
    are complete for each customer and day in them; returns the number read, and what it changed.

    :param chunks: customers, times in milliseconds since 1970, amounts in 1/10,000
    :param rejected: filled by the reader of the chunks
    :param strict: keep nothing if a line is bad
    :param replace: remove what the rows do not have
    :param replay_until_day: move the whole history so that its last day is this day since 1970
    :raises Invalid: when nothing was kept; the message says why
    """
    received = staging.stage_transactions(chunks)
    _check_lines("transactions", received, rejected, strict)
    return received, _merge_transactions(tenant, replay_until_day, replace)


def load_summaries(
    tenant: Tenant,
    period_type: str | None,
    chunks: Iterable[Columns],
    rejected: Rejected,
    strict: bool,
    replace: bool,
) -> tuple[int, Merged]:
    """Read interaction summaries to their end, then merge them in one transaction; returns the
    number read, and what it changed.

    :param period_type: of all rows; None when there are none
    :param chunks: the columns of a ``Summary`` and the numbers of the lines; a row with the key of
        an earlier one becomes a bad line
    :param rejected: filled by the reader of the chunks
    :param strict: keep nothing if a line is bad
    :param replace: remove what the rows do not have
    :raises Invalid: when nothing was kept; the message says why
    :raises Conflict: when the tenant has summaries of another period type, unless they are replaced
    """
    received, doubles, first_doubles = staging.stage_lines(chunks, MAX_REPORTED)
    rejected.add_all(doubles, first_doubles, "Has the same key as an earlier line.")
    _check_lines("interaction summaries", received, rejected, strict)
    assert period_type is not None
    return received, merging.merge(tenant.id, period_type, replace=replace)


def _check_lines(what: str, received: int, rejected: Rejected, strict: bool) -> None:
    bad = {f"line {line}": [reason] for line, reason in rejected.first}
    if strict and rejected.count:
        lines = f"{rejected.count} bad line{'s' * (rejected.count > 1)}"
        raise Invalid(f"{lines}; nothing was imported.", {"body": bad})
    if not received:
        raise Invalid(f"There are no {what} in the file.", {"body": bad} if bad else None)


def _merge_transactions(tenant: Tenant, replay_until_day: int | None, replace: bool) -> Merged:
    first_ms, last_ms = staging.staged_contacts()
    shift = 0 if replay_until_day is None else replay_until_day - last_ms // DAY_MS
    if first_ms + shift * DAY_MS < 0:
        raise Invalid("Replayed until that day the history would begin before 1970.")
    if last_ms + shift * DAY_MS > now_ms() + FUTURE_TOLERANCE_MS:
        raise Invalid("Replayed until that day the history would end in the future.")
    staging.aggregate_transactions(shift)
    too_large = staging.staged_out_of_range()
    if too_large:
        raise Invalid(f"The transactions of {too_large[0]} on {too_large[1]} add up to too much.")
    if replay_until_day is not None and not replace and tenant.customers:
        if staging.has_periods_not_staged(tenant.id):
            raise Invalid(
                "The tenant has data on days outside of the replayed file: the history would stand"
                " there twice. Use --replace to have only the file's."
            )
    return merging.merge(tenant.id, "daily", aggregated=True, replace=replace)


def add_summaries(tenant: Tenant, period_type: str, rows: list[Summary]) -> Merged:
    """Insert, replace or (all zero) delete interaction summaries, all or nothing.

    :raises Conflict: when the tenant has summaries of another period type
    """
    staging.stage_summaries(rows)
    return merging.merge(tenant.id, period_type)
