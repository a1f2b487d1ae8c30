"""gunicorn for the web process; it listens on $PORT, or on 127.0.0.1:8000."""

from clv import logs
from clv.config import load

_settings = load()

# Threads, because a request that waits for a run sleeps for up to 25 s and must not take a whole
# process with it; at most half of the threads may wait at once.
worker_class = "gthread"
workers = _settings.web_processes
threads = _settings.web_threads
# Above the longest wait (25 s) with room for a slow database; the router gives up at 30 s anyway.
timeout = 60
# A deploy lets requests that wait for a run end by themselves.
graceful_timeout = 30
# Above the 90 s for which Heroku's router keeps its connections, so that it closes them first.
keepalive = 95
# One control socket in the home folder would be shared by all instances of a machine.
control_socket_disable = True


def post_worker_init(worker):
    """Log as all our processes do."""
    logs.set_up(_settings.log_level)
