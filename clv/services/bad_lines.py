"""Refusals of files for their bad lines."""

from collections.abc import Iterator
from contextlib import contextmanager

from clv.errors import Invalid
from clv.files.tally import Rejected, TooManyBadLines

# Reasons that a refusal names.
SHOWN_REASONS = 5


@contextmanager
def refusing_too_many(rejected: Rejected) -> Iterator[None]:
    """Refuse a file with more bad lines than it may have; reading has stopped.

    :raises Invalid: naming the limit, and the bad lines so far with their reasons
    """
    try:
        yield
    except TooManyBadLines:
        raise Invalid(
            f"More than {rejected.most:,} bad lines, which is the limit, so reading stopped;"
            f" nothing was loaded. {_reasons(rejected)}",
            {"body": _first_bad(rejected)},
        ) from None


def check_lines(what: str, received: int, rejected: Rejected, skips: bool) -> None:
    """Check that a file has something to load, and no bad line unless they are skipped.

    :param what: the file should have, as a plural
    :param received: good lines
    :raises Invalid: naming the bad lines and their reasons
    """
    bad = _first_bad(rejected)
    if rejected.count and not skips:
        lines = f"{rejected.count:,} bad line{'s' * (rejected.count > 1)}"
        raise Invalid(f"{lines}; nothing was loaded. {_reasons(rejected)}", {"body": bad})
    if not received:
        raise Invalid(f"There are no {what} in the file.", {"body": bad} if bad else None)


def _first_bad(rejected: Rejected) -> dict[str, list[str]]:
    return {f"line {line}": [reason] for line, reason in rejected.first}


def _reasons(rejected: Rejected) -> str:
    """The bad lines by reason, in words."""
    reasons = list(rejected.reasons)
    words = [
        f"{tally.count:,} × {tally.message.removesuffix('.')}"
        f" (line{'s' * (tally.count > 1)} {', '.join(map(str, tally.lines))}"
        f"{', …' * (tally.count > len(tally.lines))})"
        for tally in reasons[:SHOWN_REASONS]
    ]
    return "; ".join(words) + ("; …" if len(reasons) > SHOWN_REASONS else ".")
