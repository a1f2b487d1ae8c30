"""What a single value may be, wherever it comes from (JSON, a file, the command line).

Each function returns the value as it is stored or raises ``ValueError`` with a message that says
what would be right. What may come from JSON is of any type.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from clv.scoring import AMOUNT_SCALE, DAY_MS

MAX_ID_LENGTH = 128
MAX_COUNT = 1_000_000_000
MAX_AMOUNT = 1_000_000_000
# Clocks differ a little; a contact that is further ahead than this is a mistake.
FUTURE_TOLERANCE_MS = 5 * 60_000
# The week of 1970-01-01 begins before it.
FIRST_WEEK = date(1969, 12, 29)
PERIOD_TYPES = ("daily", "weekly", "monthly", "alltime")
# 9999-12-31T23:59:59.999Z
LAST_MS = 253_402_300_799_999

_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})"
    r"(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(Z|[+-]\d{2}(?::?\d{2})?| UTC))?",
    re.ASCII,
)
# The usual forms of a time, with all digits as 0.
_USUAL_TIMES = {"0000-00-00", "0000-00-00T00:00:00Z", "0000-00-00T00:00:00.000Z"}
_USUAL_TIMES |= {form.replace("T", " ") for form in _USUAL_TIMES}
_DIGITS_AS_0 = str.maketrans("123456789", "000000000")
# Python's int() takes signs, underscores, spaces and foreign digits, too.
_WHOLE_NUMBER = re.compile(r"\d{1,20}", re.ASCII)
_PLAIN_AMOUNT = re.compile(r"(-?\d{1,9})(?:\.(\d{1,4}))?", re.ASCII)
_AMOUNT_DECIMALS = 4
_PERIOD_FORMS = {
    "daily": (re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII), "2026-04-30"),
    "weekly": (re.compile(r"\d{4}-W\d{2}", re.ASCII), "2026-W18"),
    "monthly": (re.compile(r"\d{4}-\d{2}", re.ASCII), "2026-04"),
    "alltime": (re.compile(r"alltime"), "alltime"),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def text(value: Any) -> str:
    """Any text."""
    if not isinstance(value, str):
        raise ValueError("Must be a string.")
    return value


def customer_id(value: Any) -> str:
    """1 to 128 characters without ``/``, control characters or outer space; not ``.`` or ``..``."""
    if value in ("", ".", ".."):
        raise ValueError(f"Must be 1 to {MAX_ID_LENGTH} characters, and not '.' or '..'.")
    if "/" in text(value):
        raise ValueError("Must not contain '/'.")
    return plain_text(value)


def plain_text(value: Any) -> str:
    """At most 128 characters without control characters, lone surrogates or outer space."""
    if len(text(value)) > MAX_ID_LENGTH:
        raise ValueError(f"Must be at most {MAX_ID_LENGTH} characters.")
    # Printable text has neither, and most of it is.
    if not value.isprintable() and any(unicodedata.category(c) in ("Cc", "Cs") for c in value):
        raise ValueError("Must not contain control characters or lone surrogates.")
    if value != value.strip():
        raise ValueError("Must not begin or end with space.")
    return value


def period_type(value: Any) -> str:
    """One of the four types."""
    if text(value) not in PERIOD_TYPES:
        raise ValueError(f"Must be one of: {', '.join(PERIOD_TYPES)}.")
    return value


def count(value: Any) -> int:
    """An integer from 0 to a billion."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
        raise ValueError(f"Must be an integer from 0 to {MAX_COUNT}.")
    return value


def count_in_text(value: str) -> int:
    """A count that a file gives in digits."""
    return count(int(value) if _WHOLE_NUMBER.fullmatch(value) else value)


def tenant_name(text: str) -> str:
    """A tenant's id: lower-case letters, digits and hyphens, at most 63."""
    if not _TENANT.fullmatch(text):
        raise ValueError(
            "Must be 1 to 63 lower-case letters, digits or hyphens, and not begin with a hyphen."
        )
    return text


def json_amount(value: Any) -> int:
    """An amount that JSON gives as a number."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("Must be a number.")
    return amount(value)


def amount(value: str | int | float | Decimal) -> int:
    """Money as an integer of 1/10,000: at most 4 decimals, at most a billion."""
    plain = _PLAIN_AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if plain:
        whole, decimals = plain.groups("")
        return int(whole + decimals.ljust(_AMOUNT_DECIMALS, "0"))
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


def time_ms(value: Any, latest_ms: int = LAST_MS) -> int:
    """A time in milliseconds since 1970: ISO 8601 with ``T`` or a space and a UTC offset (``Z``,
    ``+00``, ``+00:00``, `` UTC``), or a bare date, which is 00:00 UTC.

    :param latest_ms: what is later is in the future
    """
    match = _TIME.fullmatch(text(value))
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
    milliseconds = since // _MILLISECOND
    if milliseconds < 0:
        raise ValueError("Must not be before 1970.")
    if milliseconds > latest_ms:
        raise ValueError("Must not be in the future.")
    return milliseconds


def latest_ms(now_seconds: float) -> int:
    """The latest contact that is believed, in milliseconds, of a clock's seconds since 1970."""
    return int(now_seconds * 1000) + FUTURE_TOLERANCE_MS


def times_ms(texts: Sequence[str], latest_ms: int) -> list[int]:
    """Many times at once: the same as :func:`time_ms` of each, but some ten times as fast where all
    are in order and have the same usual form."""
    found = _usual_times_ms(texts)
    if found is not None and found.min() >= 0 and found.max() <= latest_ms:
        return found.tolist()
    return [time_ms(value, latest_ms) for value in texts]


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


def first_contact_ms(period_type: str, start_ms: int, last_ms: int, first_ms: int | None) -> int:
    """The first contact of a row. Left out (None) it is the earlier of the period's start and the
    last contact."""
    if first_ms is None:
        if period_type == "alltime":
            raise ValueError("Is required for an alltime row.")
        return min(start_ms, last_ms)
    if first_ms > last_ms:
        raise ValueError("Must not be after lastContactAt.")
    return first_ms


def iso(ms: int | None) -> str | None:
    """A stored time as it is shown: ``2026-04-03T10:30:00.000Z``."""
    if ms is None:
        return None
    moment = _EPOCH + timedelta(milliseconds=ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def _usual_times_ms(texts: Sequence[str]) -> np.ndarray | None:
    form = texts[0].translate(_DIGITS_AS_0) if texts else ""
    codes = np.frombuffer("".join(texts).encode(errors="replace"), np.uint8)
    if form not in _USUAL_TIMES or len(codes) != len(texts) * len(form):
        return None
    # One character below the other: each must be that of the form, or a digit in a 0's place.
    codes = codes.reshape(len(texts), len(form))
    lowest = np.frombuffer(form.encode(), np.uint8)
    if (codes < lowest).any() or (codes > lowest + 9 * (lowest == ord("0"))).any():
        return None
    try:
        # NumPy takes UTC for granted, and no Z.
        times = codes.view(f"S{len(form)}")[:, 0].astype(f"S{len(form.rstrip('Z'))}")
        return times.astype("M8[ms]").astype(np.int64)
    except ValueError:
        return None
