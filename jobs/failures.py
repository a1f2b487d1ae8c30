"""The errors of Redis, by what they mean."""

import re

from redis.exceptions import (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
)
from redis.exceptions import ConnectionError as RedisConnectionError

from clv.errors import QueueUnavailable

FULL, READ_ONLY, DOWN = "full", "read-only", "unavailable"
_SENTENCES = {
    FULL: "The queue (Redis) is full: nothing can be started until there is room again.",
    READ_ONLY: "The queue (Redis) is read-only at the moment: nothing can be started.",
    DOWN: "The queue (Redis) can't be reached. Try again shortly.",
}
_SELF_SIGNED = "If it is meant to be self-signed, set REDIS_TLS_VERIFY=false."
_CERTIFICATE = f"The certificate of the queue (Redis) can't be verified. {_SELF_SIGNED}"
# By class, and by what the text of a reply says. Other texts of replies are not shown: they may
# repeat the command, with its data.
_CLASSES = (
    (OutOfMemoryError, "it is full (maxmemory)"),
    (ReadOnlyError, "it is a replica, which takes no changes"),
    (NoPermissionError, "the user of REDIS_URL may not run a command that is needed"),
    (BusyLoadingError, "it is still loading its data"),
    (TimeoutError, "it does not answer in time, or not by TLS if REDIS_URL begins with rediss://"),
)
_TEXTS = (
    ("MISCONF", "it takes no changes because it can't save its data to its disk"),
    ("NOREPLICAS", "it takes no changes because it lacks replicas"),
    ("DB index", "it has no database with the number in REDIS_URL"),
    ("without any password", "it has no password, and REDIS_URL has one"),
    ("already authenticated", "it requires a password, and REDIS_URL has none"),
    ("Authentication required", "it requires a password, and REDIS_URL has none"),
    ("max number of clients", "it takes no more connections (maxclients)"),
    ("CERTIFICATE_VERIFY_FAILED", f"its certificate can't be verified. {_SELF_SIGNED}"),
    ("WRONG_VERSION_NUMBER", "it does not speak TLS, which rediss:// asks for"),
)
_AUTHENTICATION = (AuthenticationError, AuthenticationWrongNumberOfArgsError)
_READ_ONLY = re.compile("MISCONF|NOREPLICAS")


def state_of(error: Exception) -> str:
    """What an error says of Redis: ``full``, ``read-only`` or ``unavailable``."""
    if isinstance(error, OutOfMemoryError):
        return FULL
    is_reply = isinstance(error, ResponseError) and _READ_ONLY.search(str(error))
    return READ_ONLY if isinstance(error, ReadOnlyError) or is_reply else DOWN


def unavailable(error: Exception) -> QueueUnavailable:
    """An error of Redis as one of the service, which names nothing secret."""
    is_certificate = "CERTIFICATE_VERIFY_FAILED" in str(error)
    sentence = _CERTIFICATE if is_certificate else _SENTENCES[state_of(error)]
    return QueueUnavailable(sentence, f"Redis: {_reason(error)}")


def _reason(error: Exception) -> str:
    for kind, reason in _CLASSES:
        if isinstance(error, kind):
            return reason
    text = str(error)
    for part, reason in _TEXTS:
        if part in text:
            return reason
    if isinstance(error, _AUTHENTICATION):
        return "it refuses the user or the password of REDIS_URL"
    if isinstance(error, RedisConnectionError) or not isinstance(error, RedisError):
        # Of the client itself, with the address.
        return " ".join(text.split()) or type(error).__name__
    return type(error).__name__
