"""gunicorn's settings for the web process. It listens on $PORT, or on 127.0.0.1:8000."""

import sys

from clv import db, logs
from clv.budgets import MAX_HEADER_BYTES, MAX_HEADERS, MAX_REQUEST_LINE_BYTES
from clv.config import load
from clv.http.counters import Counters

_settings = load()

# Threads, because a request that waits for a run sleeps for up to 25 s and must not block a whole
# process; at most half of the threads may wait at once. Our own worker, because the threads of
# gthread wait for slow clients without a time limit.
worker_class = "clv.http.server.worker.Worker"
workers = _settings.web_processes
threads = _settings.web_threads
# Each open connection takes a file descriptor. A process often has 1,024, and ends when it runs
# out. Further connections wait in the kernel's queue.
worker_connections = 800
# How long the event loop that hands requests to threads may stall. A request may take longer.
timeout = 60
# During a deploy, requests that wait for a run may finish.
graceful_timeout = 30
# More than the 90 s for which Heroku's router keeps its connections, so that the router closes
# first.
keepalive = 95
# No restart after a number of requests: a new process has cold caches, and a leak should be
# noticed.
max_requests = 0

limit_request_line = MAX_REQUEST_LINE_BYTES
limit_request_fields = MAX_HEADERS
limit_request_field_size = MAX_HEADER_BYTES

# Files are sent in pieces, like everything else, so that a client that stops reading is noticed.
sendfile = False

# Gunicorn itself trusts no forwarding header: only TRUSTED_PROXIES decides, in create_app, by the
# number of hops. By default gunicorn takes scheme, SCRIPT_NAME and PATH_INFO from any client on
# this machine.
forwarded_allow_ips = ""
secure_scheme_headers = {}
forwarder_headers = ""

# The control socket in the home folder would be shared by all instances on a machine.
control_socket_disable = True
# Writes lines of JSON, like all our logs, that reveal nothing of a request.
logger_class = "clv.http.server.logger.Logger"
# How long a thread that computes keeps Python from the others. A quick request needs Python again
# after each thing that it waits for: beside 14 simulations ``python -m tests.load.siege --attacks
# simulations`` sees it answered within 7 ms, and within 26 ms at the default of 0.005.
SWITCH_SECONDS = 0.0005
# After a reload, old workers go on for a while beside the new ones, and need slots of their own.
_GENERATIONS = 8


def on_starting(server):
    """Wait for the migration before anything listens, and allocate the memory in which all workers
    count requests. A reload keeps it."""
    logs.set_up(_settings.log_level)
    db.configure(_settings)
    # A database that is down is no reason: /readyz says so, and it may come back.
    db.wait_for_migration(serves_without=True)
    server.counts = Counters(_GENERATIONS * workers)


def pre_fork(server, worker):
    """Choose the slot in which the worker counts: one that no living worker has."""
    taken = {other.slot for other in server.WORKERS.values()}
    worker.slot = min(set(range(server.counts.slots)) - taken, default=0)
    worker.counts = server.counts


def post_worker_init(worker):
    """Let quick requests in between, set up logging, count together with the other workers, and let
    each thread keep its database connection if there are enough of them."""
    sys.setswitchinterval(SWITCH_SECONDS)
    logs.set_up(_settings.log_level)
    worker.counts.use(worker.slot)
    worker.wsgi.extensions["clv"].counters.share(worker.counts)
    if _settings.pool_size >= threads:
        db.keep_connections()
