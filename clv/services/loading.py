"""Loads what customers did: a file is read to its end, staged, then merged in one transaction."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from clv import db
from clv.db import Columns
from clv.db.clock import now_ms
from clv.domain.calendar import FUTURE_TOLERANCE_MS, key_of
from clv.domain.units import DAY_MS
from clv.errors import Invalid
from clv.files.choices import Choices
from clv.files.reader import MAX_REPORTED, File, Rejected, read_summaries, read_transactions
from clv.services.preview import (
    BadLines,
    BadReason,
    CurrencyTotal,
    LeftOut,
    Preview,
    Reading,
    SampleRow,
    UsedColumns,
    Warned,
)
from clv.store import merging, staging
from clv.store.merging import Merged
from clv.store.summaries import Summary
from clv.store.tenants import Tenant


@dataclass(frozen=True, slots=True)
class Options:
    """How to take a file.

    :param skip_bad_lines: keep the good lines, where otherwise one bad line keeps all out
    :param replace: remove what the file does not have; not with ``skip_bad_lines``
    :param progress: called before each block of rows is staged
    """

    skip_bad_lines: bool = False
    replace: bool = False
    progress: Callable[[], None] = lambda: None


class BadLine(NamedTuple):
    """A line that could not be read, and why."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading a file did.

    :param received: good lines
    :param rejected: bad lines
    :param errors: the first bad lines
    :param merged: summaries that the good lines changed
    :param period_type: of these summaries
    :param days_kept: customer-days left as they were, for a skipped bad line names them
    :param reasons: bad lines by reason
    :param left_out: of transactions
    :param warnings: about transactions
    :param preview: what a file of transactions was taken for; None for summaries
    """

    received: int
    rejected: int
    errors: list[BadLine]
    merged: Merged
    period_type: str
    days_kept: int = 0
    reasons: tuple[BadReason, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[Warned, ...] = ()
    preview: Preview | None = None


def preview_transactions(
    tenant: Tenant, file: File, choices: Choices, *, partial: bool = False
) -> Preview:
    """What a file would do, without storing anything.

    :param partial: the file is the first part of a longer one
    """
    rejected = Rejected()
    blocks = read_transactions(file, rejected, *_columns(choices))
    rows = [row for block in blocks for row in zip(*block, strict=True)]
    return _preview_of(choices, rows, rejected)


def load_transactions(
    tenant: Tenant,
    file: File,
    choices: Choices,
    options: Options,
    rejected: Rejected | None = None,
    *,
    replay_until_day: int | None = None,
) -> Loaded:
    """Load a file of transactions as daily summaries, which are taken as complete for each
    customer and day in the file.

    :param rejected: collects the bad lines, also when the file is refused
    :param replay_until_day: move the whole history so that its last day is this day since 1970
    :raises Invalid: when nothing was kept; the message says why
    :raises TooLarge: when a gzipped file inflates to more than it may
    """
    rejected = rejected or Rejected()
    with db.within(db.LONG_SECONDS):
        blocks = read_transactions(file, rejected, *_columns(choices))
        received = staging.stage_transactions(_with_progress(blocks, options))
        _check_lines("transactions", received, rejected, options)
        merged = _merge_transactions(tenant, replay_until_day, options)
    loaded = _loaded(received, rejected, merged, "daily")
    return replace(loaded, preview=_preview_of(choices, [], rejected))


def load_summaries(
    tenant: Tenant, file: File, options: Options, rejected: Rejected | None = None
) -> Loaded:
    """Load a file of interaction summaries. A line whose natural key an earlier line has is bad.

    :param rejected: collects the bad lines, also when the file is refused
    :raises Invalid: when nothing was kept; the message says why
    :raises TooLarge: when a gzipped file inflates to more than it may
    :raises Conflict: when the tenant has summaries of another period type, unless they are replaced
    """
    rejected = rejected or Rejected()
    with db.within(db.LONG_SECONDS):
        period_type, blocks = read_summaries(file, rejected)
        staged = staging.stage_lines(_with_progress(blocks, options), MAX_REPORTED)
        received, doubles, first_doubles = staged
        rejected.add_all(doubles, first_doubles, "Has the same key as an earlier line.")
        _check_lines("interaction summaries", received, rejected, options)
        assert period_type is not None
        merged = merging.merge(tenant.id, period_type, replace=options.replace)
    return _loaded(received, rejected, merged, period_type)


def add_summaries(tenant: Tenant, period_type: str, rows: list[Summary]) -> Merged:
    """Insert, replace or (all zero) delete interaction summaries, all or nothing.

    :raises Conflict: when the tenant has summaries of another period type
    """
    staging.stage_summaries(rows)
    return merging.merge(tenant.id, period_type)


def _with_progress(blocks: Iterator[Columns], options: Options) -> Iterator[Columns]:
    for block in blocks:
        options.progress()
        yield block


def _check_lines(what: str, received: int, rejected: Rejected, options: Options) -> None:
    bad = {f"line {line}": [reason] for line, reason in rejected.first}
    if not options.skip_bad_lines and rejected.count:
        lines = f"{rejected.count:,} bad line{'s' * (rejected.count > 1)}"
        reasons = "; ".join(
            f"{one.count:,} × {one.message} (lines {', '.join(map(str, one.lines))})"
            for one in _reasons(rejected)
        )
        raise Invalid(f"{lines}; nothing was loaded. {reasons}", {"body": bad})
    if not received:
        raise Invalid(f"There are no {what} in the file.", {"body": bad} if bad else None)


def _merge_transactions(tenant: Tenant, replay_until_day: int | None, options: Options) -> Merged:
    staging.aggregate_transactions(_shift_days(replay_until_day))
    too_large = staging.staged_out_of_range()
    if too_large:
        raise Invalid(f"The transactions of {too_large[0]} on {too_large[1]} add up to too much.")
    if replay_until_day is not None and not options.replace and tenant.customers:
        if staging.has_periods_not_staged(tenant.id):
            raise Invalid(
                "The tenant has data on days outside of the replayed file: the history would stand"
                " there twice. Use --replace to have only the file's."
            )
    return merging.merge(tenant.id, "daily", aggregated=True, replace=options.replace)


def _shift_days(replay_until_day: int | None) -> int:
    """By how many days the staged transactions are moved."""
    first_ms, last_ms = staging.staged_contacts()
    shift = 0 if replay_until_day is None else replay_until_day - last_ms // DAY_MS
    if first_ms + shift * DAY_MS < 0:
        raise Invalid("Replayed until that day the history would begin before 1970.")
    if last_ms + shift * DAY_MS > now_ms() + FUTURE_TOLERANCE_MS:
        raise Invalid("Replayed until that day the history would end in the future.")
    return shift


def _loaded(received: int, rejected: Rejected, merged: Merged, period_type: str) -> Loaded:
    errors = [BadLine(*line) for line in rejected.first]
    reasons = _reasons(rejected)
    return Loaded(received, rejected.count, errors, merged, period_type, reasons=reasons)


def _reasons(rejected: Rejected) -> tuple[BadReason, ...]:
    lines: dict[str, list[int]] = {}
    for line, reason in rejected.first:
        lines.setdefault(reason, []).append(line)
    return tuple(BadReason(reason, len(all), tuple(all[:5])) for reason, all in lines.items())


def _columns(choices: Choices) -> tuple[str, str, str]:
    return (
        (choices.customer or ("customer_id",))[0],
        (choices.time or ("date",))[0],
        (choices.amount or ("amount",))[0],
    )


def _preview_of(choices: Choices, rows: list[tuple], rejected: Rejected) -> Preview:
    customers, times, amounts = _columns(choices)
    total = sum(row[2] for row in rows)
    days = sorted(key_of(row[1] // DAY_MS) for row in rows)
    sample = (
        SampleRow(line, customer, ms, key_of(ms // DAY_MS), amount, "sale")
        for line, (customer, ms, amount) in enumerate(rows[:10], 2)
    )
    return Preview(
        profile=None,
        title=None,
        reading=Reading("utf-8", "comma", None, None, "UTC", 1),
        mapping=UsedColumns((customers,), (times,), (amounts,), None, None, None, None, None),
        questions=(),
        rows=len(rows) + rejected.count,
        transactions=sum(row[2] >= 0 for row in rows),
        corrections=sum(row[2] < 0 for row in rows),
        customers=len({row[0] for row in rows}),
        first_day=days[0] if days else None,
        last_day=days[-1] if days else None,
        total=total,
        currencies=(CurrencyTotal(None, len(rows), total),),
        left_out=(),
        bad_lines=BadLines(rejected.count, _reasons(rejected)),
        warnings=(),
        sample=tuple(sample),
        columns=(),
    )
