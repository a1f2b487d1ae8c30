"""Whether the client of the current request still waits for the response."""

import select
from collections.abc import Mapping
from typing import Any

# On Linux: the other side has closed its end, or both.
_HALF_CLOSED = getattr(select, "POLLRDHUP", 0)
_CLOSED = select.POLLHUP | select.POLLERR | select.POLLNVAL


def has_gone(environ: Mapping[str, Any]) -> bool:
    """Whether nobody waits for the response any more, as far as the connection shows. Costs a
    system call.

    A client that closes its connection looks like one that only says that it will send no more. On
    a connection that would be kept for another request, that is taken for the former. A client that
    announced the end (``Connection: close``, HTTP/1.0) has gone when the connection is reset.
    """
    client = environ.get("gunicorn.socket")
    if client is None:
        return False
    events = _events(client.fileno())
    return bool(events & _CLOSED or (events & _HALF_CLOSED and _is_kept(environ)))


def _events(descriptor: int) -> int:
    if descriptor < 0:
        return select.POLLNVAL
    poll = select.poll()
    poll.register(descriptor, _HALF_CLOSED)
    return sum(events for _, events in poll.poll(0))


def _is_kept(environ: Mapping[str, Any]) -> bool:
    is_new = environ.get("SERVER_PROTOCOL") == "HTTP/1.1"
    return is_new and environ.get("HTTP_CONNECTION", "").strip().lower() != "close"
