"""What a client has yet to take of its response."""

import socket
from collections.abc import Hashable
from typing import Any

from clv.http.server.spool import Spool, SpoolRoom

_BLOCK = 262_144


class Outbox:
    """Bytes to send, in their order.

    :param owner: the tenant whose response it is; empty for nobody's
    """

    def __init__(self, room: SpoolRoom, owner: Hashable) -> None:
        self._spool = Spool(room, owner)
        self._sent = 0

    @property
    def is_empty(self) -> bool:
        """Whether all of it was sent."""
        return self._sent == self._spool.size

    def append(self, data: Any) -> None:
        """Add these bytes.

        :raises Unavailable: when there is no temporary disk for them; nothing was added
        """
        self._spool.append(data)

    def send(self, client: socket.socket, most: int) -> int:
        """Send what the client takes without waiting, up to about so many bytes. Returns how many
        it took.

        :raises OSError: when it has gone
        """
        taken = 0
        while not self.is_empty and taken < most:
            self._spool.file.seek(self._sent)
            block = self._spool.file.read(_BLOCK)
            try:
                count = client.send(block)
            except BlockingIOError:
                break
            self._sent += count
            taken += count
            if count < len(block):
                break
        return taken

    def close(self) -> None:
        """Forget the rest."""
        self._spool.close()
