"""What happened to the lines of a file that did not make it: bad ones, and those left out."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from clv.budgets import MAX_BAD_LINES

# Of the bad lines, how many are reported one by one.
MAX_REPORTED = 100
# What is counted by reason has messages of this length at most; they quote what files say.
MAX_MESSAGE = 500
# Of the lines with the same reason, how many are named.
MAX_NAMED = 5
# Reasons that are told apart; the states of a file may be anything.
MAX_REASONS = 100
OTHER_REASONS = "other reasons"
# What messages quote from the file: messages that differ in nothing else give the same reason.
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")


@dataclass(slots=True)
class Tally:
    """Lines with one reason.

    :param message: the reason, as given for the first of them
    :param total: their amounts, in 1/10,000
    :param lines: the first of their numbers
    """

    message: str
    count: int = 0
    total: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, count: int, lines: Iterable[int], total: int = 0) -> None:
        """Add lines, which come after all added before."""
        self.count += count
        self.total += total
        if len(self.lines) < MAX_NAMED:
            self.lines.extend(list(lines)[: MAX_NAMED - len(self.lines)])


@dataclass(slots=True)
class Reasons:
    """Lines by reason."""

    by_reason: dict[str, Tally] = field(default_factory=dict)

    def add(
        self,
        reason: str,
        lines: Iterable[int],
        count: int = 1,
        total: int = 0,
        key: str | None = None,
    ) -> None:
        """Add lines that come after all added before with this reason.

        :param key: what reasons are told apart by; the reason itself if left out
        """
        reason = reason[:MAX_MESSAGE]
        key = reason if key is None else key
        if key not in self.by_reason and len(self.by_reason) >= MAX_REASONS:
            key = reason = OTHER_REASONS
        self.by_reason.setdefault(key, Tally(reason)).add(count, lines, total)

    def __iter__(self) -> Iterator[Tally]:
        """The reasons, the most frequent first."""
        return iter(sorted(self.by_reason.values(), key=lambda tally: -tally.count))


class TooManyBadLines(Exception):
    """There are more bad lines than a file may have."""


@dataclass(slots=True)
class Rejected:
    """The lines that were rejected: their number, the first 100 with their reasons, and all of
    them by reason.

    :param most: how many there may be
    :ivar last_line: the one that was rejected last
    """

    most: int = MAX_BAD_LINES
    count: int = 0
    last_line: int = 0
    first: list[tuple[int, str]] = field(default_factory=list)
    reasons: Reasons = field(default_factory=Reasons)

    def add(self, line: int, reason: str) -> None:
        """Add a line that comes after all added before.

        :raises TooManyBadLines: if it is one more than there may be
        """
        reason = reason[:MAX_MESSAGE]
        self.count, self.last_line = self.count + 1, line
        self.reasons.add(reason, [line], key=_QUOTED.sub("…", reason))
        if len(self.first) < MAX_REPORTED:
            self.first.append((line, reason))
        self._check()

    def add_all(self, count: int, first_lines: Iterable[int], reason: str) -> None:
        """Add lines from anywhere in the file.

        :param first_lines: the first 100 of them, or more
        :raises TooManyBadLines: if they are more than there may be
        """
        if not count:
            return
        lines = list(first_lines)
        self.count += count
        self.reasons.add(reason, lines, count)
        self.first = sorted(self.first + [(line, reason) for line in lines])[:MAX_REPORTED]
        self._check()

    def _check(self) -> None:
        if self.count > self.most:
            raise TooManyBadLines
