"""What chaos did to the service, and what came of it."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Report:
    """What happened, and what should not have."""

    database: str
    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    customers: int = 0
    refused: int = 0
    unclean_stops: int = 0
    longest_run: float = 0.0
    longest_recovery: float = 0.0
    lost: int = 0
    doubled: int = 0
    violations: list[str] = field(default_factory=list)

    def table(self) -> str:
        """The report as lines of two columns."""
        lines: list[tuple[str, object]] = [
            ("database", self.database),
            ("seed", self.seed),
            ("faults", self.faults.total()),
            *((f"  {name}", count) for name, count in sorted(self.faults.items())),
            ("runs", self.runs),
            ("customers", self.customers),
            ("requests refused", self.refused),
            ("workers that stopped uncleanly", self.unclean_stops),
            ("longest run", f"{self.longest_run:.1f} s"),
            ("longest recovery", f"{self.longest_recovery:.1f} s"),
            ("lost", self.lost),
            ("doubled", self.doubled),
            ("violations", len(self.violations)),
        ]
        return "\n".join(f"{name:34}{value:>12}" for name, value in lines)
