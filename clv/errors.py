"""The errors of the domain. What they mean over HTTP is decided in ``clv.http.errors`` alone."""

from typing import Any

DISK_FULL = "The database's disk is full: nothing can be stored until there is room again."
# Of an error that nobody foresaw; it names the request, and nothing else.
INTERNAL = "An internal error occurred. Please report the request id {}."


class ClvError(Exception):
    """Base of all errors whose message may be shown to the caller.

    :param message: one sentence that says what would be right
    :param fields: ``{location: {field: [messages]}}`` where a field is to blame
    """

    def __init__(self, message: str, fields: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields


class ConfigError(ClvError):
    """A setting is missing or wrong; the message names the variable."""


class Invalid(ClvError):
    """The caller's data can't be accepted."""


class TooLarge(ClvError):
    """What was sent is larger than it may be."""


class BrokenOff(ClvError):
    """The caller stopped sending in the middle."""


class Unauthenticated(ClvError):
    """There is no valid token; the message never says what was wrong with it."""


class Forbidden(ClvError):
    """The token is valid, but not for this."""


class NotFound(ClvError):
    """There is no such object, or it belongs to another tenant."""


class Conflict(ClvError):
    """The request contradicts what is stored."""


class TooMany(ClvError):
    """The caller asks too often, or has failed too often.

    :param seconds: how long to wait
    """

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(f"{message} Try again in {seconds} s.")
        self.seconds = seconds


class Unavailable(ClvError):
    """Something that the service depends on is down or busy: worth a retry."""


class QueueUnavailable(Unavailable):
    """The queue (Redis) can't be reached."""


class Unscorable(ClvError):
    """One customer's data can't be scored; the message is the reason, without data."""


class RunFailed(ClvError):
    """A batch run ended without scoring everybody."""


class NotFitted(ClvError):
    """A model's parameters can't be determined from the data; the message is the reason."""
