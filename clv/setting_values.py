"""What the values of settings may be: parsers of environment variables, for :mod:`clv.config`.

Each turns a variable's name and its text into a value, or raises a ``ConfigError`` that names the
variable and what would be right.
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from clv.errors import ConfigError

# Of a key that signs: this many hexadecimal digits are 128 bits.
MIN_KEY_LENGTH = 32
# Of a token that can only be guessed by asking: this many hexadecimal digits are 64 bits.
MIN_TOKEN_LENGTH = 16

Parser = Callable[[str, str], Any]


def number(kind: type[int] | type[float], low: float, high: float) -> Parser:
    """A number from ``low`` to ``high``."""

    def parse(variable: str, text: str) -> Any:
        wanted = f"{variable} must be {kind.__name__} from {low} to {high}, not {text!r}."
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


def url(*schemes: str) -> Parser:
    """A URL with one of these schemes."""

    def parse(variable: str, text: str) -> str:
        # The message shows neither the value nor urlsplit's error: both may hold a password.
        try:
            scheme = urlsplit(text).scheme
        except ValueError:
            raise ConfigError(f"{variable} is not a valid URL.") from None
        if scheme not in schemes:
            raise ConfigError(f"{variable} must start with one of: {', '.join(schemes)}.")
        return text

    return parse


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
