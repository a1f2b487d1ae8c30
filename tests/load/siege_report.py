"""What a siege found: a table, and what was missed."""

from collections import Counter
from dataclasses import dataclass

from tests.load.siege_probe import Seen

MOST_TIMES = 3.0
MOST_MIB = 400.0


@dataclass(frozen=True)
class Phase:
    """One attack, or all of them, and the time after it.

    :param tallies: what the attackers were answered, by attack
    """

    name: str
    during: Seen
    after: Seen
    tallies: dict[str, Counter[str]]

    def misses(self, idle: Seen, timed: bool) -> list[str]:
        """What should not have been.

        :param timed: whether medians count
        """
        stretches = (("", self.during), (" after it", self.after))
        found = [f"{why}{when}" for when, seen in stretches for why in _summed(seen.failures)]
        if self.during.peak_mib >= MOST_MIB:
            found.append(f"{self.during.peak_mib:.0f} MiB")
        for when, seen in stretches if timed else ():
            slow = {name: times for name, times in ratios(seen, idle).items() if times > MOST_TIMES}
            found += [f"{name}{when}: {times:.1f} times its median" for name, times in slow.items()]
        for attack, tally in self.tallies.items():
            wrong = [what for what in tally if what == "500" or what.startswith("fault")]
            found += [f"{attack}: {what}" for what in wrong]
        return [f"{self.name}: {why}" for why in found]


def ratios(seen: Seen, idle: Seen) -> dict[str, float]:
    """The median of each probe by that at rest."""
    return {name: seen.median(name) / idle.median(name) for name in idle.seconds}


def table(database: str, idle: Seen, phases: list[Phase]) -> str:
    """All of it, in lines."""
    medians = ", ".join(f"{name} {1000 * idle.median(name):.1f} ms" for name in idle.seconds)
    columns = [f"{name}: median, worst" for name in idle.seconds]
    lines = [("attack", *columns, "failures", "after", "MiB", "processors", "answers")]
    lines += [_cells(phase, idle) for phase in phases]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
    rest = f"{idle.peak_mib:.0f} MiB, {idle.processors:.2f} processors"
    return "\n".join((f"{database}; at rest: {medians}, {rest}", *shown))


def _cells(phase: Phase, idle: Seen) -> tuple[str, ...]:
    times, after = ratios(phase.during, idle), ratios(phase.after, idle)
    return (
        phase.name,
        *(f"{times[name]:.1f} x, {phase.during.worst(name):.2f} s" for name in times),
        f"{len(phase.during.failures)} of {sum(map(len, phase.during.seconds.values()))}",
        f"{max(after.values()):.1f} x, {len(phase.after.failures)} failed",
        f"{phase.during.peak_mib:.0f}",
        f"{phase.during.processors:.2f}",
        ", ".join(f"{n} {what}" for what, n in sum(phase.tallies.values(), Counter()).items()),
    )


def _summed(failures: list[str]) -> list[str]:
    """Equal failures once, with their number."""
    kinds = Counter(failure.partition(",")[0] for failure in failures)
    return [f"{kind} ({count} times)" for kind, count in kinds.items()]
