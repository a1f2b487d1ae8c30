"""When a thread has work to do on a connection."""

import re
from typing import Any

from clv.budgets import MAX_FORM_BYTES, MAX_HEAD_BYTES

_READ = 65_536
# What is behind a request waits in the kernel, or a client that sends requests faster than they are
# served would fill the memory.
_MOST_READ = MAX_HEAD_BYTES + MAX_FORM_BYTES
_HEAD_ENDS = (b"\r\n\r\n", b"\n\n", b"\n\r\n")
_NO_BODY = (b"GET ", b"HEAD ")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,5})[ \t]*\r\n", re.IGNORECASE)
# Who asks before sending a body wants an answer now.
_ASKS = re.compile(rb"\r\nexpect:", re.IGNORECASE)


def receive(client: Any, unreader: Any) -> tuple[bytes, bool]:
    """Read what has arrived of a request, and put it before the parser. Returns all that is there,
    and whether no more is read: it is as much as may be, or the connection has ended."""
    head = unreader.take_buffered()
    if len(head) >= _MOST_READ:
        unreader.unread(head)
        return head, True
    try:
        data = client.recv(min(_READ, _MOST_READ - len(head)))
        has_ended, head = not data, head + data
    except BlockingIOError:
        has_ended = False
    except OSError:
        has_ended = True
    unreader.unread(head)
    return head, has_ended


def is_complete(head: bytes, searched: int = 0) -> bool:
    """Whether these bytes have a whole head, or are too many for one.

    :param searched: so many were searched before: of a head that comes byte by byte, none twice
    """
    start = max(0, searched - len(_HEAD_ENDS[0]) + 1)
    return len(head) >= MAX_HEAD_BYTES or any(head.find(end, start) >= 0 for end in _HEAD_ENDS)


def with_small_body(head: bytes) -> int:
    """How long a complete head is with its body, if that is small; 0 without a body, or with one
    that is not waited for. Only the parser decides where a body ends: if this is wrong, a thread
    just looks at the request too early or too late."""
    if head.startswith(_NO_BODY):
        return 0
    end = head.find(b"\r\n\r\n") + 2
    length = _LENGTH.search(head, 0, end)
    if length is None or int(length[1]) > MAX_FORM_BYTES or _ASKS.search(head, 0, end):
        return 0
    return end + 2 + int(length[1])
