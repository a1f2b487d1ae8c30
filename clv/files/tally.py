"""What happened to the lines of a file that did not make it: bad ones, and those left out."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

# Of the bad lines, how many are reported one by one.
MAX_REPORTED = 100
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
        key = reason if key is None else key
        if key not in self.by_reason and len(self.by_reason) >= MAX_REASONS:
            key = reason = OTHER_REASONS
        self.by_reason.setdefault(key, Tally(reason)).add(count, lines, total)

    def __iter__(self) -> Iterator[Tally]:
        """The reasons, the most frequent first."""
        return iter(sorted(self.by_reason.values(), key=lambda tally: -tally.count))


@dataclass(slots=True)
class Rejected:
    """The lines that were rejected: their number, the first 100 with their reasons, and all of
    them by reason."""

    count: int = 0
    first: list[tuple[int, str]] = field(default_factory=list)
    reasons: Reasons = field(default_factory=Reasons)

    def add(self, line: int, reason: str) -> None:
        """Add a line that comes after all added before."""
        self.count += 1
        self.reasons.add(reason, [line], key=_QUOTED.sub("…", reason))
        if len(self.first) < MAX_REPORTED:
            self.first.append((line, reason))

    def add_all(self, count: int, first_lines: Iterable[int], reason: str) -> None:
        """Add lines from anywhere in the file.

        :param first_lines: the first 100 of them, or more
        """
        if not count:
            return
        lines = list(first_lines)
        self.count += count
        self.reasons.add(reason, lines, count)
        self.first = sorted(self.first + [(line, reason) for line in lines])[:MAX_REPORTED]
