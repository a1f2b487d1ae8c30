"""Numbers, money and times as people read them: the filters of the templates."""

import math
from datetime import UTC, date, datetime

from clv.dashboard.blueprint import blp
from clv.domain.units import AMOUNT_SCALE, DAY_MS, HOUR_MS, MINUTE_MS

NONE = "–"
# From this sum on, amounts are shown in millions: 12.3 M.
_SHORTENED_FROM = 10_000_000


@blp.app_template_filter()
def count(number: int | None) -> str:
    """1234 as 1,234."""
    return NONE if number is None else f"{number:,}".replace("-", "−")


@blp.app_template_filter()
def decimal(number: float | None, digits: int = 1) -> str:
    """51.25 as 51.2."""
    return NONE if number is None else _signless(f"{number:,.{digits}f}")


@blp.app_template_filter()
def percent(share: float | None, digits: int = 0) -> str:
    """0.119 as 12 %."""
    return NONE if share is None else f"{_signless(f'{share * 100:.{digits}f}')} %"


@blp.app_template_filter()
def money(amount: float | None, digits: int = 0) -> str:
    """1/10,000 as money, rounded half up as in JSON. Without cents, large amounts are in
    millions."""
    if amount is None:
        return NONE
    units = abs(amount) / AMOUNT_SCALE
    if units >= _SHORTENED_FROM and not digits:
        text = f"{units / 1e6:,.1f} M"
    else:
        text = f"{math.floor(units * 10**digits + 0.5) / 10**digits:,.{digits}f}"
    return _signless(f"-{text}" if amount < 0 else text)


@blp.app_template_filter()
def counted(number: int, word: str) -> str:
    """1 day, 2 days."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


@blp.app_template_filter()
def since(days: int) -> str:
    """Days since the last contact: today, 1 day ago."""
    return f"{counted(days, 'day')} ago" if days else "today"


@blp.app_template_filter()
def moment(ms: int | None) -> str:
    """A time to the minute."""
    return NONE if ms is None else f"{_utc(ms):%-d %b %Y, %H:%M} UTC"


@blp.app_template_filter()
def day(ms: int | None) -> str:
    """A day."""
    return NONE if ms is None else f"{_utc(ms):%-d %b %Y}"


@blp.app_template_filter()
def calendar_day(text: str) -> str:
    """2026-03-12 as 12 Mar 2026."""
    return f"{date.fromisoformat(text):%-d %b %Y}"


@blp.app_template_filter()
def iso(ms: int) -> str:
    """A time for the ``datetime`` attribute of a ``time`` element."""
    return f"{_utc(ms):%Y-%m-%dT%H:%M:%SZ}"


@blp.app_template_filter()
def age(ms: int, now_ms: int) -> str:
    """How long ago that was: 3 hours."""
    passed = max(0, now_ms - ms)
    for size, word in ((DAY_MS, "day"), (HOUR_MS, "hour"), (MINUTE_MS, "minute")):
        if passed >= size:
            return counted(passed // size, word)
    return "less than a minute"


@blp.app_template_filter()
def seconds(duration: float) -> str:
    """75.2 as 1 min 15 s."""
    if duration < 10:
        return f"{duration:.1f} s"
    minutes, rest = divmod(round(duration), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@blp.app_template_filter()
def segment(name: str) -> str:
    """at_risk as At risk."""
    return name.replace("_", " ").capitalize()


@blp.app_template_filter()
def projection(model: str) -> str:
    """What predicted revenue is called: a run rate is not a forecast."""
    return "Expected revenue" if model == "calibrated" else "Run-rate revenue"


def _utc(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _signless(text: str) -> str:
    """The number without the sign of -0, and with a minus as wide as a plus."""
    return text.lstrip("-") if not text.strip("-0.,") else text.replace("-", "−")
