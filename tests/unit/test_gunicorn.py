"""The worker uses private parts of gunicorn, which may change in any release."""

import inspect
from importlib.metadata import version

from clv.http.server.worker import GUNICORN_VERSION, Worker


def test_the_worker_was_made_for_the_gunicorn_that_is_installed():
    installed = version("gunicorn")
    assert installed == GUNICORN_VERSION, (
        f"clv/http/server/ was made for gunicorn {GUNICORN_VERSION}, but {installed} is"
        f" installed. Check what the worker says of itself:\n\n{inspect.getdoc(Worker)}"
    )
