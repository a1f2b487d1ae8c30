"""A client's connection, on which no thread waits."""

import errno
import select
import socket
from collections.abc import Hashable
from typing import Any

from clv.errors import Unavailable
from clv.http.server.outbox import Outbox
from clv.http.server.patience import Patience
from clv.http.server.spool import SpoolRoom

# Without end, a client that takes everything at once would keep the event loop.
MOST_SENT_AT_ONCE = 1_048_576


class ClientSocket(socket.socket):
    """A socket that never blocks. What the client does not take at once goes to the ``outbox``, and
    the event loop sends it when the thread is done.

    Only where the temporary disk has no room does the thread wait for the client, as long as it has
    patience; for a client that nobody has authenticated it does not wait at all.

    :param accepted: the socket as it was accepted
    """

    def __init__(self, accepted: socket.socket, room: SpoolRoom) -> None:
        kind = (accepted.family, accepted.type, accepted.proto)
        super().__init__(*kind, fileno=accepted.detach())
        super().setblocking(False)
        self._room = room
        # Whoever authenticates a request says whose it is.
        self.owner: Hashable = None
        self.outbox: Outbox | None = None

    def setblocking(self, flag: bool) -> None:
        """Do nothing: gunicorn would let threads wait."""

    def settimeout(self, value: float | None) -> None:
        """Do nothing, as :meth:`setblocking`."""

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send what the client takes at once, and keep the rest.

        :raises OSError: when the client has gone, or is too slow
        """
        self.send_more()
        if self.outbox is not None:
            self._keep(data)
            return
        try:
            sent = self.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self._keep(memoryview(data)[sent:])

    def send_more(self) -> int:
        """Send more of the outbox, if there is one. Returns how many bytes the client took.

        :raises OSError: when it has gone
        """
        if self.outbox is None:
            return 0
        sent = self.outbox.send(self, MOST_SENT_AT_ONCE)
        if self.outbox.is_empty:
            self._forget()
        return sent

    def close(self) -> None:
        """Close the connection, and forget what the client has not taken."""
        self._forget()
        super().close()

    def _keep(self, data: Any) -> None:
        if self.outbox is None:
            self.outbox = Outbox(self._room, self.owner)
        try:
            self.outbox.append(data)
        except Unavailable:
            self._send_waiting(data)

    def _send_waiting(self, data: Any) -> None:
        """Wait until the client has taken the outbox and this."""
        patience, rest = Patience(), memoryview(data)
        while rest:
            sent = self.send_more()
            patience.earn(sent)
            try:
                rest = rest[0 if self.outbox else self.send(rest) :]
            except BlockingIOError:
                pass
            if rest and not sent:
                self._wait(patience)

    def _wait(self, patience: Patience) -> None:
        poll = select.poll()
        poll.register(self.fileno(), select.POLLOUT)
        seconds = 0 if self.owner is None else patience.left
        if seconds <= 0 or not poll.poll(seconds * 1000):
            self._forget()
            # Gunicorn treats this as a client that has gone.
            raise ConnectionResetError(errno.ECONNRESET, "too slow")

    def _forget(self) -> None:
        outbox, self.outbox = self.outbox, None
        if outbox is not None:
            outbox.close()
