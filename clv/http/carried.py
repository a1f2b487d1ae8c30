"""What the first pass of a request leaves for the second.

The application may be called before a request's body is there. Whatever it decides without the
body (who may do this, how often, with which content type) is so decided before a byte of it is
taken. When it then reads a body that has yet to come, this pass ends and leaves no trace; the web
process receives the body, and calls the application again: see :mod:`clv.http.server`.

Whoever reads a body says before how much it accepts (:func:`accept_at_most`) or needs
(:func:`accept_beginning`). What must happen once in both passes together, such as counting the
request, is kept here.
"""

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clv.budgets import MAX_FORM_BYTES, SEAT_SECONDS
from clv.errors import TooLarge


class SeatAwaited(BaseException):
    """There is no seat for a request whose body has been received. It is called again when there
    may be one. A BaseException, because nothing on the way may take it for a failure."""


@dataclass(slots=True)
class Carried:
    """What is known of a request with a body when its second pass begins.

    :param owner: the tenant's id; None before somebody is authenticated
    :param limit: the most bytes that the body may have
    :param is_cut: a longer one is no error: what is behind the limit is not needed
    :param request_id: as the first pass chose it
    :param began: when the first pass did
    :param quota: what the sender has left; the request is counted
    :param after: what to do once the response was sent
    :param seat_until: how long it waits for a seat; 0 before it does
    """

    owner: Hashable = None
    limit: int = MAX_FORM_BYTES
    is_cut: bool = False
    request_id: str = ""
    began: float = 0.0
    quota: Any = None
    after: list[Callable[[], None]] = field(default_factory=list)
    seat_until: float = 0.0

    def may_wait(self) -> bool:
        """Whether there is time left to wait for a seat."""
        now = time.monotonic()
        self.seat_until = self.seat_until or now + SEAT_SECONDS
        return now < self.seat_until


def carried(environ: Mapping[str, Any]) -> Carried | None:
    """What this request carries; None if it has no body, or another web server runs it."""
    return getattr(environ["wsgi.input"], "carried", None)


def accept_at_most(environ: Mapping[str, Any], limit: int) -> None:
    """Accept a body of so many bytes. One that has yet to come is awaited now, before anything is
    begun for it; of one of unknown length no more is taken.

    :raises TooLarge: when it announces more
    """
    length = environ.get("CONTENT_LENGTH", "")
    if length.isdecimal() and int(length) > limit:
        raise too_large(limit)
    _await(environ, limit, is_cut=False)


def accept_beginning(environ: Mapping[str, Any], size: int) -> None:
    """Accept a body of any size, of which only the beginning is read; as :func:`accept_at_most`."""
    _await(environ, size, is_cut=True)


def too_large(limit: int) -> TooLarge:
    """The error of a body that is larger than this."""
    return TooLarge(f"The body is larger than {limit:,} bytes, the most that is taken here.")


def _await(environ: Mapping[str, Any], limit: int, is_cut: bool) -> None:
    known = carried(environ)
    if known is not None:
        known.limit, known.is_cut = limit, is_cut
        environ["wsgi.input"].read(0)
