"""What was answered to the fuzzing, and what was found."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from schemathesis.engine import events


@dataclass
class Report:
    """What was answered, by role and operation, and what should not have been."""

    statuses: dict[str, dict[str, Counter[int]]] = field(default_factory=dict)
    # A request that leads to each finding, as a curl command.
    findings: dict[str, str] = field(default_factory=dict)

    @property
    def cases(self) -> int:
        """The requests that were sent."""
        return sum(self.total(role).total() for role in self.statuses)

    def total(self, role: str) -> Counter[int]:
        """The statuses of all answers to a role."""
        return sum(self.statuses[role].values(), Counter())

    def share_of_success(self, role: str) -> float:
        """The share of 2xx."""
        total = self.total(role)
        return sum(n for status, n in total.items() if status < 300) / max(1, total.total())

    def add(self, role: str, event: Any) -> None:
        """Count what an event of schemathesis tells."""
        if isinstance(event, events.ScenarioFinished):
            seen = self.statuses.setdefault(role, {}).setdefault(event.recorder.label, Counter())
            for sent in event.recorder.interactions.values():
                seen[sent.response.status_code if sent.response else 0] += 1
            for node in sum(event.recorder.checks.values(), []):
                if failed := node.failure_info:
                    said = str(failed.failure.message or failed.failure.title).splitlines()[0]
                    found = f"{event.recorder.label} as {role}: {node.name}: {said}"
                    self.findings.setdefault(found, failed.code_sample)
        elif isinstance(event, events.NonFatalError):
            self.findings.setdefault(
                f"{event.label} as {role}: {event.info.title}", str(event.info)
            )
        elif isinstance(event, events.FatalError):
            raise event.exception
