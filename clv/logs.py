"""Logs: one line of JSON an event, with ids of runs and requests and no data of customers."""

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

_log = logging.getLogger("clv")


class JsonLines(logging.Formatter):
    """Each record as one line: time, level, event, and the event's fields."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        return json.dumps(line, default=str)


def set_up(level: str) -> None:
    """Write the process's log to standard error; called once, by a process's entry point."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    _log.setLevel(level)


def event(name: str, level: int = logging.INFO, **fields: Any) -> None:
    """Log an event such as ``run.finished`` with its ids and figures."""
    _log.log(level, name, extra={"fields": fields})


def summary(error: BaseException) -> str:
    """What kind of error happened and where, without its text: that may hold SQL or data."""
    frames = reversed(traceback.extract_tb(error.__traceback__)[-6:])
    places = (f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames)
    return f"{type(error).__name__} at {' < '.join(places)}"
