"""gunicorn for the web process; it listens on $PORT, or on 127.0.0.1:8000."""

from clv import db, logs
from clv.config import load
from clv.http.counters import Counters

_settings = load()

# Threads, because a request that waits for a run sleeps for up to 25 s and must not take a whole
# process with it; at most half of the threads may wait at once. Ours, because gthread's threads
# wait for slow clients without a limit of time.
worker_class = "clv.http.server.Worker"
workers = _settings.web_processes
threads = _settings.web_threads
# Each open connection takes a file descriptor, of which a process often has 1,024; running out of
# them ends it. More connections wait in the kernel's queue.
worker_connections = 800
# How long the loop that hands requests to threads may stall; a request may take longer.
timeout = 60
# A deploy lets requests that wait for a run end by themselves.
graceful_timeout = 30
# Above the 90 s for which Heroku's router keeps its connections, so that it closes them first.
keepalive = 95
# Never restarted by count: a fresh process starts with cold caches, and a leak should be seen.
max_requests = 0

# What routers and proxies allow, too. The longest path takes 1.5 KB (128 characters of 12 bytes
# each when they are escaped); a list's filters may name some hundred customers.
limit_request_line = 8190
# Proxies add a dozen to the dozen of a client.
limit_request_fields = 64
# A key takes 60 bytes; cookies of other applications of the host may come along.
limit_request_field_size = 8190

# Files in pieces, as all else, so that a client that does not read them is noticed in time.
sendfile = False

# Gunicorn itself believes no header: TRUSTED_PROXIES alone decides, in create_app, and to the
# number of hops. By default gunicorn takes scheme, SCRIPT_NAME and PATH_INFO from any client on
# this machine.
forwarded_allow_ips = ""
secure_scheme_headers = {}
forwarder_headers = ""

# One control socket in the home folder would be shared by all instances of a machine.
control_socket_disable = True
# Its lines are JSON, as all of ours, and show nothing of a request.
logger_class = "clv.http.server.Logger"
# Workers that a reload replaces go on for a while beside the new ones.
_GENERATIONS = 8


def on_starting(server):
    """Make the memory in which all workers count requests; a reload keeps it."""
    server.counts = Counters(_GENERATIONS * workers)


def pre_fork(server, worker):
    """Choose the slot that the worker counts in: one that no living worker has."""
    taken = {other.slot for other in server.WORKERS.values()}
    worker.slot = min(set(range(server.counts.slots)) - taken, default=0)
    worker.counts = server.counts


def post_worker_init(worker):
    """Log as all our processes do, count with the other workers, and let threads keep their
    connections, if there is one for each."""
    logs.set_up(_settings.log_level)
    worker.counts.use(worker.slot)
    worker.wsgi.extensions["clv"].counters.share(worker.counts)
    if _settings.pool_size >= threads:
        db.keep()
