"""How lively a customer is: the at-risk customers in two, and everybody else.

Pure. Every customer is of one activity. With the same at-risk days, those who are slipping or lost
are the segment ``at_risk``.
"""

ACTIVITIES = ("active", "slipping", "lost", "none")
ACTIVE, SLIPPING, LOST, NONE = ACTIVITIES
# A customer who has been silent for this many times the at-risk days is probably lost.
LOST_AFTER = 3


def lost_days(at_risk_days: int) -> int:
    """Days without contact after which a customer is probably lost: 90 with 30 at-risk days."""
    return LOST_AFTER * at_risk_days


def activity(recency: int, frequency: int, at_risk_days: int) -> str:
    """The activity of a customer with D at-risk days:

    - none: F = 0, no interaction at all
    - active: R < D
    - slipping: D ≤ R < 3D
    - lost: R ≥ 3D

    With 30 at-risk days, 29 days without contact are active, 30 and 89 slipping, 90 lost.
    """
    if frequency <= 0:
        return NONE
    if recency < at_risk_days:
        return ACTIVE
    return SLIPPING if recency < lost_days(at_risk_days) else LOST


def recency_of(activity: str, at_risk_days: int) -> tuple[int | None, int | None]:
    """The fewest and the most days without contact of an activity; None where there is no limit."""
    lost = lost_days(at_risk_days)
    limits: dict[str, tuple[int | None, int | None]] = {
        ACTIVE: (None, at_risk_days - 1),
        SLIPPING: (at_risk_days, lost - 1),
        LOST: (lost, None),
        NONE: (None, None),
    }
    return limits[activity]
