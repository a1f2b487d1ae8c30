"""The errors of the domain. Only ``clv.http.errors`` decides what they mean over HTTP."""

from typing import Any

DISK_FULL = "The database's disk is full: nothing can be stored until there is room again."
READ_ONLY = "The database is read-only at the moment: nothing can be stored, but all can be read."
DATABASE_DOWN = "The database can't be reached or is busy. Try again shortly."
# For an unforeseen error. It names only the request.
INTERNAL = "An internal error occurred. Please report the request id {}."


class ClvError(Exception):
    """Base of the errors whose message may be shown to the caller.

    :param message: one sentence that says what would be right
    :param fields: ``{location: {field: [messages]}}`` if fields are to blame
    """

    def __init__(self, message: str, fields: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields


class ConfigError(ClvError):
    """A setting is missing or wrong; the message names the variable."""


class Invalid(ClvError):
    """The caller's data is not valid."""


class TooLarge(ClvError):
    """The caller sent more than is allowed."""


class BrokenOff(ClvError):
    """The caller stopped sending in the middle of a body."""


class Unauthenticated(ClvError):
    """There is no valid token. The message never says what was wrong."""


class Forbidden(ClvError):
    """The token is valid, but does not allow this."""


class NotFound(ClvError):
    """There is no such object, or it is another tenant's."""


class Gone(ClvError):
    """There was such a thing, but it is no longer kept."""


class Conflict(ClvError):
    """The request contradicts what is stored."""


class TooMany(ClvError):
    """The caller sent too many requests, or failed too often.

    :param seconds: how long to wait
    """

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(f"{message} Try again in {seconds} s.")
        self.seconds = seconds


class Unavailable(ClvError):
    """A dependency of the service is down or busy; a retry may succeed.

    :param cause: what exactly is wrong, for the log and the command line only
    """

    def __init__(self, message: str, cause: str = "") -> None:
        super().__init__(message)
        self.cause = cause


class QueueUnavailable(Unavailable):
    """The queue (Redis) can't be reached, or takes nothing."""


class Unscorable(ClvError):
    """A customer's data can't be scored. The message is the reason, without data."""


class RunFailed(ClvError):
    """A batch run ended before it had scored everybody."""


class NotFitted(ClvError):
    """A model's parameters can't be fitted to the data. The message is the reason."""
