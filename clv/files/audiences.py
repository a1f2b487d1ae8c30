"""Audience files: customers whose ids are e-mail addresses, in the layouts in which marketing
services take them; a page at a time, in constant memory.

Addresses are in lower case and without outer space, as all of them want. None asks for more: Google
takes addresses at gmail.com with their dots. Money is rounded half up to cents.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from clv.domain import calendar
from clv.domain.scoring import Scores
from clv.files import writer
from clv.files.text import cents, csv_lines, rounded
from clv.store.listing import Listed

# One "@"; no blanks, and none of the signs that would have to be quoted; a domain of two parts or
# more, the last of them letters or a punycode.
_PART = r"[^\W_](?:[^\W_]|-)*"
_ADDRESS = re.compile(
    rf"[^\s\x00-\x1f@,;:|\"<>()\[\]\\]{{1,64}}@(?:{_PART}\.)+(?:[^\W\d_]{{2,}}|xn--[a-z0-9-]+)"
)


@dataclass(frozen=True, slots=True)
class Target:
    """A service, and the layout of its files.

    :param name: of the service, in messages
    :param cells: of a customer with this address
    :param is_hashed: whether the file has hashes instead of addresses
    """

    name: str
    columns: tuple[str, ...]
    cells: Callable[[str, Scores], tuple[str, ...]]
    is_hashed: bool = True


def address_of(customer_id: str, target: Target) -> str | None:
    """The address that a target's file has for a customer; None if the customer is left out.

    An address in which a spreadsheet would see a formula is left out where it is written as it is:
    with an apostrophe in front, as in other files, it would be another address.
    """
    address = customer_id.strip().lower()
    if not _ADDRESS.fullmatch(address):
        return None
    return address if target.is_hashed or not writer.FORMULA.search(address) else None


def count(pages_of_ids: Iterable[Sequence[str]], target: Target) -> tuple[int, int]:
    """How many of these customers a target's file has, and how many are left out."""
    written = left_out = 0
    for ids in pages_of_ids:
        in_file = sum(address_of(one, target) is not None for one in ids)
        written += in_file
        left_out += len(ids) - in_file
    return written, left_out


def write(pages: Iterable[Sequence[Listed]], target: Target) -> Iterator[str]:
    """The text of a target's file, in one piece per page. One without customers has its header."""
    header = csv_lines([target.columns])
    for page in pages:
        yield header + csv_lines(_rows(page, target))
        header = ""
    if header:
        yield header


def _rows(page: Sequence[Listed], target: Target) -> Iterator[tuple[str, ...]]:
    for entry in page:
        address = address_of(entry.scores.customer_id, target)
        if address is not None:
            yield target.cells(address, entry.scores)


def _profile(address: str, scores: Scores) -> tuple[str, ...]:
    return (
        address,
        cents(scores.predicted_revenue),
        cents(scores.revenue_at_risk),
        cents(scores.monetary),
        rounded(scores.churn_probability, 3),
        scores.segment,
        str(scores.recency_days),
        str(scores.frequency),
        _time(scores.computed_ms),
    )


def _hashed(address: str) -> str:
    """The SHA-256 of an address, in hexadecimal: lower case."""
    return hashlib.sha256(address.encode()).hexdigest()


def _time(ms: int) -> str:
    """A time as Klaviyo takes it: 2026-04-03 10:30:00+00:00."""
    text = calendar.iso(ms) or ""
    return f"{text[:10]} {text[11:19]}+00:00"


# By the word of the API.
TARGETS = {
    "klaviyo": Target(
        "Klaviyo",
        (
            "Email",
            "clv_predicted_revenue",
            "clv_revenue_at_risk",
            "clv_revenue_to_date",
            "clv_churn_probability",
            "clv_segment",
            "clv_days_since_contact",
            "clv_interactions",
            "clv_computed_at",
        ),
        _profile,
        is_hashed=False,
    ),
    "google": Target(
        "Google Customer Match", ("Email",), lambda address, scores: (_hashed(address),)
    ),
    "meta": Target(
        "Meta",
        ("email", "value"),
        lambda address, scores: (_hashed(address), cents(scores.predicted_revenue)),
    ),
}
