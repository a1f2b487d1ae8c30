"""Loads what customers did: a file is read to its end, staged, then merged in one transaction."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from clv.domain import calendar
from clv.domain.time_zone import TimeZone
from clv.errors import Invalid
from clv.files.choices import Choices
from clv.files.stream import File
from clv.files.summaries.reader import read_summaries
from clv.files.tally import MAX_REPORTED, Rejected
from clv.services import bad_lines, previews, staged_file
from clv.services.preview import BadReason, LeftOut, Preview, Warned
from clv.services.staged_file import Manner, StagedFile, watched
from clv.store import left_out, mappings, merging, removals, staging
from clv.store.merging import Merged
from clv.store.summaries import Summary
from clv.store.tenants import Tenant

ERASED = "the customer was erased while the file was read"
# The columns of staged summaries that have texts of any length.
_SUMMARY_TEXTS = (0, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class Options:
    """How to take a file.

    :param skip_bad_lines: load the good lines although others can't be read
    :param replace: remove what the file does not have
    :param progress: called before each block of rows is staged
    :param since_removal: the tenant's last removal before the file was sent; None: as of now
    """

    skip_bad_lines: bool = False
    replace: bool = False
    progress: Callable[[], None] = lambda: None
    since_removal: int | None = None


class BadLine(NamedTuple):
    """A line that could not be read, and why."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading a file did.

    :param received: good lines that count
    :param rejected: bad lines
    :param errors: the first bad lines
    :param merged: summaries that the good lines changed
    :param period_type: of these summaries
    :param days_kept: customer-days that stay as they were, for a skipped bad line names them
    :param reasons: the bad lines by reason
    :param left_out: rows that do not count, by reason
    :param preview: what the file was taken for; None for summaries
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


def last_removal(tenant: Tenant) -> int:
    """The number of the tenant's last removal of a customer."""
    return removals.last(tenant.id)


def preview_transactions(
    tenant: Tenant, file: File, choices: Choices, *, partial: bool = False
) -> Preview:
    """What loading a file of transactions would do. Nothing is stored.

    :param partial: the file is only the first part of one
    :raises Invalid: when it is no file of transactions, or a choice does not fit it
    :raises TooLarge: when it inflates to more than it may
    """
    manner = Manner(is_partial=partial, is_preview=True)
    rejected = Rejected(file.max_bad_lines)
    with _staging(file):
        return previews.preview_of(
            staged_file.stage(tenant, file, choices, rejected, manner), tenant
        )


def customers_not_in_file(tenant: Tenant, file: File, choices: Choices) -> int:
    """How many customers a load with ``replace`` would remove. Nothing is stored.

    :raises OpenQuestions: when something has to be answered first
    :raises Invalid: when it is no file of transactions, or a choice does not fit it
    :raises TooLarge: when it inflates to more than it may
    """
    rejected = Rejected(file.max_bad_lines)
    with _staging(file), bad_lines.refusing_too_many(rejected):
        manner = Manner(replaces=True)
        staged = staged_file.stage(tenant, file, choices, rejected, manner)
        staged.check_answered()
        return merging.customers_not_staged(tenant.id)


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
    :raises OpenQuestions: when something has to be answered first
    :raises Invalid: when nothing was kept; the message says why
    :raises TooLarge: when it inflates to more than it may
    """
    rejected = rejected or Rejected(file.max_bad_lines)
    _check_options(options)
    manner = Manner(
        holds=options.skip_bad_lines,
        replaces=options.replace,
        replay_until_day=replay_until_day,
        progress=options.progress,
    )
    with _staging(file), bad_lines.refusing_too_many(rejected):
        since_removal = _since_removal(tenant, options.since_removal)
        staged = staged_file.stage(tenant, file, choices, rejected, manner)
        staged.check_answered()
        bad_lines.check_lines("transactions", staged.rows, rejected, options.skip_bad_lines)
        _check_replay(tenant, options, replay_until_day)
        preview = previews.preview_of(staged, tenant)
        file.effort.check()
        merged = merging.merge(
            tenant.id,
            "daily",
            aggregated=True,
            replace=options.replace,
            staged_customers=staged.figures.customers if staged.figures else None,
            currency=staged.currency,
            since_removal=since_removal,
        )
        if merged.erased:
            staged.leave_out(ERASED, left_out.leave_out_customers(merged.erased.customers))
        _remember(tenant, staged)
    return Loaded(
        staged.rows_that_count,
        rejected.count,
        [BadLine(*line) for line in rejected.first],
        merged,
        "daily",
        staged.days_held,
        preview.bad_lines.reasons,
        previews.left_out_of(staged.outcome.left_out),
        preview.warnings,
        preview,
    )


def load_summaries(
    tenant: Tenant, file: File, options: Options, rejected: Rejected | None = None
) -> Loaded:
    """Load a file of interaction summaries. A line whose natural key an earlier line has is bad.

    :param rejected: collects the bad lines, also when the file is refused
    :raises Invalid: when nothing was kept; the message says why
    :raises TooLarge: when a gzipped file inflates to more than it may
    :raises Conflict: when the tenant has summaries of another period type, unless they are replaced
    """
    rejected = rejected or Rejected(file.max_bad_lines)
    _check_options(options)
    with _staging(file), bad_lines.refusing_too_many(rejected):
        since_removal = _since_removal(tenant, options.since_removal)
        period_type, blocks = read_summaries(file, rejected, tenant.settings.zone)
        blocks = watched(blocks, file, options.progress, _SUMMARY_TEXTS)
        staged = staging.stage_lines(blocks, MAX_REPORTED)
        received, doubles, first_doubles = staged
        rejected.add_all(doubles, first_doubles, "Has the same key as an earlier line.")
        bad_lines.check_lines("interaction summaries", received, rejected, options.skip_bad_lines)
        assert period_type is not None
        file.effort.check()
        merged = merging.merge(
            tenant.id, period_type, replace=options.replace, since_removal=since_removal
        )
    return Loaded(
        merged.received,
        rejected.count,
        [BadLine(*line) for line in rejected.first],
        merged,
        period_type,
        reasons=previews.bad_lines_of(rejected).reasons,
        left_out=_erased_rows(merged),
    )


def add_summaries(
    tenant: Tenant, period_type: str, rows: list[Summary], since_removal: int | None = None
) -> Merged:
    """Insert, replace or (all zero) delete interaction summaries, all or nothing.

    :param rows: one without a first contact has the earlier of the period's first moment and the
        last contact
    :param since_removal: the tenant's last removal before the rows were sent; None: as of now
    :raises Conflict: when the tenant has summaries of another period type
    """
    zone, since_removal = tenant.settings.zone, _since_removal(tenant, since_removal)
    with staging.few():
        staging.stage_summaries([_with_first_contact(row, period_type, zone) for row in rows])
        return merging.merge(tenant.id, period_type, since_removal=since_removal)


def _since_removal(tenant: Tenant, since: int | None) -> int:
    return last_removal(tenant) if since is None else since


def _erased_rows(merged: Merged) -> tuple[LeftOut, ...]:
    if merged.erased is None:
        return ()
    rows = merged.erased.rows
    return (LeftOut(ERASED, rows.rows, rows.total, rows.lines),)


def _with_first_contact(row: Summary, period_type: str, zone: TimeZone) -> Summary:
    if row.first_contact_ms is not None:
        return row
    start_ms = calendar.period_start_ms(period_type, row.period_key, zone)
    first_ms = calendar.first_contact_ms(period_type, start_ms, row.last_contact_ms, None)
    return row._replace(first_contact_ms=first_ms)


def _check_options(options: Options) -> None:
    if options.replace and options.skip_bad_lines:
        raise Invalid(
            "replace: Takes no skipBadLines: what a bad line names would be removed. Mend the lines"
            " first.",
            {"query": {"skipBadLines": ["Must not be given with replace."]}},
        )


@contextmanager
def _staging(file: File) -> Iterator[None]:
    """Stage a file. In the end nothing of it is on the temporary disk, whatever ended it."""
    with closing(file.disk), staging.area():
        yield


def _check_replay(tenant: Tenant, options: Options, replay_until_day: int | None) -> None:
    if replay_until_day is None or options.replace or not tenant.customers:
        return
    if staging.has_periods_not_staged(tenant.id):
        raise Invalid(
            "The tenant has data on days outside of the replayed file: the history would stand"
            " there twice. Use --replace to have only the file's."
        )


def _remember(tenant: Tenant, staged: StagedFile) -> None:
    """Remember the choices for the next file with this header."""
    choices = staged.source.remembered()
    if choices:
        mappings.remember(tenant.id, staged.source.header_key, choices)
