"""Makes the preview of a staged file."""

from dataclasses import replace

from clv.domain import calendar
from clv.files.columns.mapping import Mapping
from clv.files.tally import Reasons, Rejected
from clv.services.preview import (
    BadLines,
    BadReason,
    CurrencyTotal,
    FileColumn,
    LeftOut,
    Preview,
    Reading,
    SampleRow,
    UsedColumns,
)
from clv.services.staged_file import StagedFile
from clv.store import staged_figures
from clv.store.staging import SALE
from clv.store.tenants import Tenant

# First rows, and first cells of a column, that a preview shows.
SAMPLE_ROWS = 10
SAMPLE_CELLS = 3


def preview_of(staged: StagedFile, tenant: Tenant) -> Preview:
    """What is known about a staged file."""
    source, figures = staged.source, staged.figures
    profile = source.resolved.profile
    currencies = _currencies(staged, tenant)
    # Amounts of different currencies are never added up.
    is_sum = not any(question.parameter == "currency" for question in staged.questions)
    return Preview(
        profile=profile.name if profile else None,
        title=profile.title if profile else None,
        reading=_reading(staged),
        mapping=_used_columns(source.mapping),
        questions=tuple(staged.questions),
        rows=staged.outcome.rows,
        transactions=figures.transactions if figures else 0,
        corrections=figures.corrections if figures else 0,
        customers=figures.customers if figures else 0,
        first_day=figures.first_day if figures else None,
        last_day=figures.last_day if figures else None,
        total=(figures.total if figures else 0) if is_sum else None,
        currencies=currencies,
        left_out=left_out_of(staged.outcome.left_out),
        bad_lines=bad_lines_of(staged.outcome.rejected),
        warnings=tuple(staged.warnings),
        sample=_sample(staged),
        columns=tuple(FileColumn(*column) for column in source.columns(SAMPLE_CELLS)),
    )


def left_out_of(reasons: Reasons) -> tuple[LeftOut, ...]:
    """The rows that do not count, by reason."""
    return tuple(
        LeftOut(tally.message, tally.count, tally.total, tuple(tally.lines)) for tally in reasons
    )


def bad_lines_of(rejected: Rejected) -> BadLines:
    """The bad lines, by reason."""
    reasons = (
        BadReason(tally.message, tally.count, tuple(tally.lines)) for tally in rejected.reasons
    )
    return BadLines(rejected.count, tuple(reasons))


def _reading(staged: StagedFile) -> Reading:
    source = staged.source
    table = source.table
    return Reading(
        table.encoding,
        table.delimiter,
        source.decimal,
        source.date_order,
        source.zone.name,
        table.header_line,
    )


def _used_columns(mapping: Mapping | None) -> UsedColumns:
    if mapping is None:
        return UsedColumns((), (), (), None, None, None, None, None)
    way = mapping.amounts[0] if mapping.amounts else None
    return UsedColumns(
        customer=mapping.customer,
        time=(*mapping.time, *((mapping.clock,) if mapping.clock else ())),
        amount=tuple(way.column for way in mapping.amounts),
        refund=way.less[0].column if way and way.less else None,
        quantity=way.times if way else None,
        order=mapping.order[0] if mapping.order else None,
        currency=way.currency if way else None,
        state=mapping.state,
    )


def _currencies(staged: StagedFile, tenant: Tenant) -> tuple[CurrencyTotal, ...]:
    """What there is in each currency; amounts that name none are in the tenant's."""
    own, figures = staged.currency or tenant.currency, staged.figures
    if staged.currencies:
        return tuple(replace(each, currency=each.currency or own) for each in staged.currencies)
    count = figures.transactions + figures.corrections if figures else 0
    return (CurrencyTotal(own, count, figures.total),) if figures and count else ()


def _sample(staged: StagedFile) -> tuple[SampleRow, ...]:
    if not staged.is_preview or not staged.rows:
        return ()
    return tuple(
        SampleRow(
            row.line or 0,
            row.customer_id,
            row.contact_ms,
            calendar.key_of(staged.zone.day(row.contact_ms)),
            row.amount,
            "sale" if row.kind == SALE else "correction",
        )
        for row in staged_figures.sample(SAMPLE_ROWS)
    )
