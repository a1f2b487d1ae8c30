"""What the values of settings may be: parsers of environment variables, for :mod:`clv.config`.

Each turns a variable's name and its text into a value, or raises a ``ConfigError`` that names the
variable and what would be right.
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, urlsplit

import psycopg
from playhouse.db_url import parse
from psycopg.conninfo import make_conninfo
from redis import ConnectionPool
from redis.exceptions import RedisError

from clv.errors import ConfigError

# Of a key that signs: this many hexadecimal digits are 128 bits.
MIN_KEY_LENGTH = 32
# Of a token that can only be guessed by asking: this many hexadecimal digits are 64 bits.
MIN_TOKEN_LENGTH = 16

# Schemes of URLs whose path is a file's.
_FILES = ("sqlite", "unix")
_NUMBERS = {int: "a whole number", float: "a number"}

Parser = Callable[[str, str], Any]


def number(kind: type[int] | type[float], low: float, high: float) -> Parser:
    """A number from ``low`` to ``high``."""

    def parse(variable: str, text: str) -> Any:
        wanted = f"{variable} must be {_NUMBERS[kind]} from {low} to {high}, not {text!r}."
        try:
            value = kind(text)
        except ValueError:
            raise ConfigError(wanted) from None
        if not low <= value <= high:
            raise ConfigError(wanted)
        return value

    return parse


def flag(variable: str, text: str) -> bool:
    """True or false, in words or as 1 or 0."""
    if text.lower() not in ("true", "false", "1", "0"):
        raise ConfigError(f"{variable} must be true or false, not {text!r}.")
    return text.lower() in ("true", "1")


def database_url(variable: str, text: str) -> str:
    """The URL of a PostgreSQL database, or of a file for SQLite."""
    parts = _url(variable, text, ("sqlite", "postgres", "postgresql"))
    if parts.scheme == "sqlite":
        if not parts.path[1:]:
            raise ConfigError(f"{variable} needs a file: sqlite:///path/to/clv.db.")
        return text
    try:
        values = parse(text, unquote_password=True, unquote_user=True)
        make_conninfo(dbname=values.pop("database"), **values)
    except (ValueError, psycopg.Error):
        raise ConfigError(f"{variable} has an option that PostgreSQL does not know.") from None
    return text


def redis_url(variable: str, text: str) -> str:
    """The URL of a Redis."""
    parts = _url(variable, text, ("redis", "rediss", "unix"))
    if parts.scheme != "unix" and not re.fullmatch("/?[0-9]*", parts.path):
        raise ConfigError(f"{variable} must end in the number of a database, such as /0.")
    try:
        pool = ConnectionPool.from_url(text)
        # It connects at its first use.
        pool.connection_class(**pool.connection_kwargs)
    except (ValueError, TypeError, RedisError):
        raise ConfigError(f"{variable} has an option that Redis does not know.") from None
    return text


def level(variable: str, text: str) -> str:
    """A level of the log."""
    levels = ("DEBUG", "INFO", "WARNING", "ERROR")
    if text.upper() not in levels:
        raise ConfigError(f"{variable} must be one of: {', '.join(levels)}.")
    return text.upper()


def time_of_day(variable: str, text: str) -> str:
    """A UTC time of day, such as ``02:00``."""
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise ConfigError(f"{variable} must be a UTC time of day such as 02:00, not {text!r}.")
    return text


def origins(variable: str, text: str) -> tuple[str, ...]:
    """Origins, separated by commas, such as ``https://app.example.com``."""
    origins = tuple(origin.strip() for origin in text.split(",") if origin.strip())
    for origin in origins:
        # In the form that browsers send, because origins are compared as texts.
        if not re.fullmatch(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?", origin):
            raise ConfigError(
                f"{variable} must be origins such as https://app.example.com, in lower case,"
                f" without a path and separated by commas, not {origin!r}."
            )
    return origins


def rate(variable: str, text: str) -> str:
    """A rate such as ``6000/minute``; empty for ``off``."""
    if text.lower() == "off":
        return ""
    if not re.fullmatch(r"[1-9][0-9]{0,8}/(second|minute|hour|day)", text):
        raise ConfigError(f"{variable} must be like 6000/minute, or off, not {text!r}.")
    return text


def text(variable: str, text: str) -> str:
    """Any text."""
    return text


def secret_text(min_length: int) -> Parser:
    """A secret that has at least so many characters."""

    def parse(variable: str, text: str) -> str:
        if len(text) < min_length:
            raise ConfigError(f"{variable} must have at least {min_length} random characters.")
        return text

    return parse


def _url(variable: str, text: str, schemes: tuple[str, ...]) -> SplitResult:
    """The parts of a URL with one of these schemes. The messages show none of it: any part may be
    one of a password, where a special character ended it."""
    encode = (
        f"{variable} is not a valid URL. Special characters of its password must be"
        " percent-encoded: / as %2F, # as %23, ? as %3F, @ as %40, % as %25."
    )
    try:
        parts = urlsplit(text)
        # This raises for a port that is no number, too.
        is_whole = parts.port != 0 and not parts.fragment
    except ValueError:
        raise ConfigError(encode) from None
    if parts.scheme not in schemes:
        raise ConfigError(f"{variable} must start with one of: {', '.join(schemes)}.")
    has_user_behind = "@" in f"{parts.path}?{parts.query}" and parts.scheme not in _FILES
    if not is_whole or has_user_behind:
        raise ConfigError(encode)
    return parts
