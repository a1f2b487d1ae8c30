"""What gunicorn itself has to say, in the form of all our logs."""

import sys
import traceback
from typing import Any

from gunicorn.glogging import Logger as GunicornLogger

from clv import logs

# What gunicorn logs when a worker does not start.
_NOT_STARTED = "Exception in worker process"


class Logger(GunicornLogger):
    """Gunicorn's log as lines of JSON."""

    def setup(self, cfg: Any) -> None:
        """Set up as gunicorn does, with our format."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(logs.JsonLines())

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Log an exception's kind and place, because its text may hold a request's data. While the
        worker starts there is no request: log all of it."""
        error = sys.exception()
        shown = traceback.format_exc() if msg == _NOT_STARTED or not error else logs.trace(error)
        self.error_log.error(msg, *args, extra={"fields": {"error": shown}})
