"""What a single value may be, wherever it comes from (JSON, a file, the command line).

Each function returns the value as it is stored or raises ``ValueError`` with a message that says
what would be right.
"""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from clv.scoring import AMOUNT_SCALE, DAY_MS

MAX_ID_LENGTH = 128
MAX_COUNT = 1_000_000_000
MAX_AMOUNT = 1_000_000_000
# Clocks differ a little; a contact that is further ahead than this is a mistake.
FUTURE_TOLERANCE_MS = 5 * 60_000
# The week of 1970-01-01 begins before it.
FIRST_WEEK = date(1969, 12, 29)
PERIOD_TYPES = ("daily", "weekly", "monthly", "alltime")

_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})"
    r"(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(Z|[+-]\d{2}(?::?\d{2})?| UTC))?",
    re.ASCII,
)
_PERIOD_FORMS = {
    "daily": (re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII), "2026-04-30"),
    "weekly": (re.compile(r"\d{4}-W\d{2}", re.ASCII), "2026-W18"),
    "monthly": (re.compile(r"\d{4}-\d{2}", re.ASCII), "2026-04"),
    "alltime": (re.compile(r"alltime"), "alltime"),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def customer_id(text: str) -> str:
    """1 to 128 characters without ``/``, control characters or outer space; not ``.`` or ``..``."""
    if not text or text in (".", ".."):
        raise ValueError(f"Must be 1 to {MAX_ID_LENGTH} characters, and not '.' or '..'.")
    if "/" in text:
        raise ValueError("Must not contain '/'.")
    return plain_text(text)


def plain_text(text: str) -> str:
    """At most 128 characters without control characters, lone surrogates or outer space."""
    if len(text) > MAX_ID_LENGTH:
        raise ValueError(f"Must be at most {MAX_ID_LENGTH} characters.")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("Must not contain control characters or lone surrogates.")
    if text != text.strip():
        raise ValueError("Must not begin or end with space.")
    return text


def tenant_name(text: str) -> str:
    """A tenant's id: lower-case letters, digits and hyphens, at most 63."""
    if not _TENANT.fullmatch(text):
        raise ValueError(
            "Must be 1 to 63 lower-case letters, digits or hyphens, and not begin with a hyphen."
        )
    return text


def amount(value: str | int | float | Decimal) -> int:
    """Money as an integer of 1/10,000: at most 4 decimals, at most a billion."""
    try:
        if isinstance(value, str) and "_" in value:
            raise InvalidOperation
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise ValueError("Must be a number.") from None
    if not number.is_finite() or not -MAX_AMOUNT <= number <= MAX_AMOUNT:
        raise ValueError(f"Must be a number from -{MAX_AMOUNT} to {MAX_AMOUNT}.")
    kept = number.quantize(Decimal(1) / AMOUNT_SCALE)
    if kept != number:
        raise ValueError("Must have at most 4 decimals.")
    return int(kept * AMOUNT_SCALE)


def time_ms(text: str) -> int:
    """A time in milliseconds since 1970: ISO 8601 with ``T`` or a space and a UTC offset (``Z``,
    ``+00``, ``+00:00``, `` UTC``), or a bare date, which is 00:00 UTC."""
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError(
            "Must be a time with its UTC offset, such as 2026-04-30T09:15:00Z, or a date."
        )
    day, clock, zone = match.groups()
    zone = "+00:00" if zone in (None, "Z", " UTC") else zone
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}{zone}")
        since = moment - _EPOCH
    except (ValueError, OverflowError):
        raise ValueError("Must be a real date and time.") from None
    milliseconds = since // timedelta(milliseconds=1)
    if milliseconds < 0:
        raise ValueError("Must not be before 1970.")
    return milliseconds


def period_start_ms(period_type: str, period_key: str) -> int:
    """The beginning of a period in milliseconds since 1970; of ``alltime`` that is 0."""
    form, example = _PERIOD_FORMS[period_type]
    if not form.fullmatch(period_key):
        raise ValueError(f"Must look like {example} for a {period_type} row.")
    try:
        if period_type == "alltime":
            return 0
        if period_type == "weekly":
            first = date.fromisocalendar(int(period_key[:4]), int(period_key[6:]), 1)
        else:
            first = date.fromisoformat(f"{period_key}-01"[:10])
    except ValueError:
        raise ValueError(f"Must be a period of the calendar, such as {example}.") from None
    start = (first - date(1970, 1, 1)).days * DAY_MS
    if start < 0 and (period_type != "weekly" or first < FIRST_WEEK):
        raise ValueError("Must not be before 1970.")
    return max(0, start)


def iso(ms: int | None) -> str | None:
    """A stored time as it is shown: ``2026-04-03T10:30:00.000Z``."""
    if ms is None:
        return None
    moment = _EPOCH + timedelta(milliseconds=ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"
