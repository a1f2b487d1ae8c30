"""How commands fail: with one line that says why."""

import io
import logging
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from clv import db, logs
from clv.errors import DISK_FULL, ClvError

DOWN = "The database can't be reached, is busy, or lacks its tables (flask migrate)."


def plain_errors(command: Callable) -> Callable:
    """Show an error of the service as one line, and give the connection back in any case."""

    @wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        _replace_what_cannot_be_shown()
        try:
            with db.scope():
                return command(*args, **kwargs)
        except ClvError as error:
            raise click.ClickException(error.message) from None
        except (*db.DOWN, db.NO_TABLES) as error:
            logs.event("command.failed", logging.ERROR, error=logs.trace(error))
            raise click.ClickException(DISK_FULL if db.is_full(error) else DOWN) from None

    return wrapper


def _replace_what_cannot_be_shown() -> None:
    """Write characters that the terminal's encoding lacks as escapes, rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
