"""How commands fail: with one line that says why."""

import io
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from clv import db, logs
from clv.errors import ClvError, Unavailable

_DOWN = "The database can't be reached, is busy, or lacks its tables (flask migrate)."
_FAULT = "The database refused a statement."


def plain_errors(command: Callable) -> Callable:
    """Show an error of the service as one line, and give the connection back in any case."""

    @wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        _replace_what_cannot_be_shown()
        try:
            with db.scope():
                return command(*args, **kwargs)
        except Unavailable as error:
            raise click.ClickException(_because(error.message, error.cause)) from None
        except ClvError as error:
            raise click.ClickException(error.message) from None
        except db.ERRORS as error:
            raise click.ClickException(_because(*_sentence_and_cause(error))) from None

    return wrapper


def _replace_what_cannot_be_shown() -> None:
    """Write characters that the terminal's encoding lacks as escapes, rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _sentence_and_cause(error: BaseException) -> tuple[str, str]:
    state, cause = db.state_of(error), db.cause(error)
    if state is None:
        return _FAULT, f"{cause}; {logs.trace(error)}"
    return db.SENTENCES.get(state, _DOWN), cause


def _because(sentence: str, cause: str) -> str:
    """Both in one line."""
    return f"{sentence} ({cause})" if cause else sentence
