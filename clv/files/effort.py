"""What the reading of one file costs, and what it may: time of the processor and by the clock."""

import time
from collections.abc import Callable

from clv.budgets import (
    FILE_CPU_SECONDS,
    FILE_CPU_SECONDS_A_MIB,
    FILE_INFLATION,
    FILE_SECONDS,
    FILE_SECONDS_A_MIB,
    MAX_INFLATION,
    SMALL_INFLATED_BYTES,
)
from clv.errors import Invalid, TooLarge

_MIB = 1_048_576


class Effort:
    """Counts what was read of a file, and ends the reading when it took too long for that.

    Whoever reads calls :meth:`check` between any two pieces of work. The first call begins it, on
    the thread that goes on reading.

    :param watch: called as often; raises what ends the reading, such as that the client has gone
    """

    def __init__(self, watch: Callable[[], None] = lambda: None) -> None:
        self._watch = watch
        self._sent = self._inflated = 0
        self._cpu_start: float | None = None
        self._start = 0.0

    def sent(self, size: int) -> None:
        """So many bytes were read from the beginning as they were sent; check."""
        self._sent = max(self._sent, size)
        self.check()

    def inflated(self, size: int) -> None:
        """So many bytes were read from the beginning; check. Reading them again earns no time.

        :raises TooLarge: when a gzip inflates to far more than any file does
        """
        self._inflated = max(self._inflated, size)
        if self._inflated > max(SMALL_INFLATED_BYTES, self._sent * MAX_INFLATION):
            raise TooLarge(
                f"The file inflates to more than {MAX_INFLATION} times its size. Is it what it"
                " should be? If so, send it without gzip."
            )
        self.check()

    def check(self) -> None:
        """Check that the reading may go on.

        :raises Invalid: when it took too long for the size of the file
        """
        self._watch()
        cpu, now = time.thread_time(), time.monotonic()
        if self._cpu_start is None:
            self._cpu_start, self._start = cpu, now
        mib = min(self._inflated, self._sent * FILE_INFLATION) / _MIB
        most = FILE_CPU_SECONDS + FILE_CPU_SECONDS_A_MIB * mib
        if cpu - self._cpu_start > most:
            raise Invalid(
                f"Reading this file has taken more than {most:.1f} s of processor time, the most"
                " that a file of its size may take. Is it what it should be?"
                " If so, split it into smaller files."
            )
        most = FILE_SECONDS + FILE_SECONDS_A_MIB * self._sent / _MIB
        if now - self._start > most:
            raise Invalid(
                f"The file has been read for more than {most:.0f} s, the most that a file of its"
                " size may take. Send it over a faster line, gzipped or in several files."
            )
