"""RQ Dashboard at ``/rq``, for operators: behind a password, and made safe.

RQ Dashboard 0.9 has no login that survives a second application, unpickles what it finds in Redis,
puts text into its pages without escaping it, and changes state on a GET. Each function below fixes
one of these. When a release fixes it, remove the function.
"""

import base64
import hashlib
import hmac
import html
import re
from functools import partial
from typing import Any

from flask import Flask, Response, current_app, request
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from werkzeug.exceptions import MethodNotAllowed, NotFound

from clv.auth.login_throttle import client_at
from clv.config import Settings
from clv.errors import Forbidden
from clv.http import errors
from clv.http.application import components
from clv.http.headers import is_same_origin

PREFIX = "/rq"
# What the arguments in a path may be: some end up unescaped in the pages' scripts.
ARGUMENTS = {
    "instance_number": "0",
    "queue_name": "[A-Za-z0-9_.-]+",
    "registry_name": "queued|scheduled|deferred|started|finished|failed|canceled",
    "order": "asc|dsc",
    "per_page": "[1-9][0-9]{0,2}",
    "page": "[0-9]{1,6}",
    "job_id": "[A-Za-z0-9_-]+",
}
# Endpoints whose text is put into a page as HTML. The page of jobs escapes its own.
INSERTED_AS_HTML = (
    "rq_dashboard.job_info",
    "rq_dashboard.list_queues",
    "rq_dashboard.list_workers",
)
JOBS = "rq_dashboard.jobs_overview"
OWN_SCRIPT = '<script type="text/javascript">'
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}


def mount(app: Flask, settings: Settings, redis: Redis, queue_class: type[Queue]) -> None:
    """Serve the dashboard if the settings have credentials for it; else there is no ``/rq``.

    :param queue_class: whose Job class reads what is in Redis, where anything may be planted
    """
    user, password = settings.rq_dashboard_user, settings.rq_dashboard_password
    if not (user and password):
        return
    blueprint = _adapted_blueprint(queue_class)
    # This address is only displayed; the connection is the service's own.
    app.config.update(RQ_DASHBOARD_REDIS_URL=("Redis",), RQ_DASHBOARD_DISABLE_DELETE=True)
    app.redis_conn = redis  # type: ignore[attr-defined]
    # Its pages link to an icon in the application's static folder, which does not exist.
    icon = f"{PREFIX}/static/<path:filename>"
    app.add_url_rule(icon, endpoint="static", build_only=True)
    app.before_request(partial(_guard, base64.b64encode(f"{user}:{password}".encode())))
    app.after_request(_harden)
    for kind, code, message in (
        (RedisError, 503, "The queue (Redis) can't be reached. Try again shortly."),
        (NoSuchJobError, 404, "There is no such job."),
        (InvalidJobOperation, 409, "Only a failed job can be queued again."),
    ):
        app.register_error_handler(kind, partial(_answer, code, message))
    app.register_blueprint(blueprint, url_prefix=PREFIX)
    app.view_functions[JOBS] = partial(_jobs, app.view_functions[JOBS], queue_class)


class ListedWorker(Worker):
    """A worker as the dashboard lists it."""

    def _set_connection(self, connection: Redis) -> Redis:
        """Leave the connection as it is. RQ would raise the time-out of the web process's pool to
        415 seconds, which suits a worker that waits for jobs."""
        return connection


def _adapted_blueprint(queue_class: type[Queue]) -> Any:
    """The dashboard's blueprint. Its settings are globals of a module, so nothing that belongs to
    one application is set here.

    RQ's own Job class would unpickle a job's meta, and so run any code that was planted there.
    """
    from rq_dashboard import web

    web.config.serializer = JSONSerializer
    web.Queue = queue_class
    web.Job = queue_class.job_class
    web.Worker = _listed_worker(queue_class)
    web.serialize_current_job = partial(_current_job, web.serialize_date)
    web.requeue_job = partial(_requeue, queue_class)
    # It would open a pool without time-outs for each request.
    web.from_url = _service_connection
    # It would answer 200 while Redis is down. Now it catches nothing, and our handler does.
    web.RedisConnectionError = ()
    return web.blueprint


def _listed_worker(queue_class: type[Queue]) -> type[Worker]:
    classes = {"queue_class": queue_class, "job_class": queue_class.job_class}

    class OwnListedWorker(ListedWorker):
        @classmethod
        def all(cls, *args: Any, **kwargs: Any) -> list[Any]:
            return super().all(*args, **{**kwargs, **classes, "serializer": JSONSerializer})

    return OwnListedWorker


def _current_job(date: Any, job: Job | None) -> str | dict[str, Any]:
    """A worker's job as the page of workers lists it: by its description instead of its call."""
    if job is None:
        return "idle"
    return {
        "job_id": job.id,
        "description": job.description,
        "created_at": date(job.created_at),
        "call_string": job.description or job.get_call_string(),
    }


def _jobs(view: Any, queue_class: type[Queue], queue_name: str | None, **place: Any) -> Response:
    """The page of jobs. "Jobs" in the menu would open the queue "default", which is nobody's: it
    opens ours, and what is being worked on, for the queue itself is nearly always empty."""
    if queue_name is None:
        connection = current_app.redis_conn  # type: ignore[attr-defined]
        queue_name = queue_class(connection=connection).name
        place.update(registry_name="started", order="dsc")
    response = view(queue_name=queue_name, **place)
    # It says "all the queued jobs" of all of them.
    listed = f"the {place['registry_name']} jobs"
    response.set_data(response.get_data(as_text=True).replace("all the queued jobs", listed))
    return response


def _requeue(queue_class: type[Queue], job_id: str, connection: Redis) -> None:
    queue_class.job_class.fetch(job_id, connection=connection).requeue()


def _service_connection(url: str, **options: Any) -> tuple[None, Redis]:
    return None, current_app.redis_conn  # type: ignore[attr-defined]


def _answer(code: int, message: str, error: Exception) -> Response:
    return errors.body(code, message)


def _is_dashboard() -> bool:
    return request.path == PREFIX or request.path.startswith(f"{PREFIX}/")


def _guard(credentials: bytes) -> Response | None:
    """Refuse a request without the password, one for something that can't exist, and one that
    changes state other than by a POST from the dashboard's own pages. This runs before routing
    errors are raised, so that nobody else learns which paths exist."""
    if not _is_dashboard():
        return None
    if not _has_password(credentials):
        response = errors.body(401, "The user name and password of the dashboard are needed.")
        response.headers["WWW-Authenticate"] = 'Basic realm="rq"'
        return response
    _check_arguments()
    _check_method()
    return None


def _check_arguments() -> None:
    for name, value in (request.view_args or {}).items():
        if name in ARGUMENTS and not re.fullmatch(ARGUMENTS[name], str(value)):
            raise NotFound


def _check_method() -> None:
    if request.method in ("GET", "HEAD"):
        # An endpoint that also takes a POST changes state: it queues all failed jobs again.
        if request.url_rule and "POST" in (request.url_rule.methods or ()):
            raise MethodNotAllowed(["POST"])
    elif request.method != "OPTIONS" and not is_same_origin():
        raise Forbidden("The request must come from the dashboard's own pages.")


def _has_password(credentials: bytes) -> bool:
    """Whether the request has the password. Over the limit on failed attempts it is not compared:
    a person chose it, so guessing must be slow.

    :raises TooMany: when this address has failed too often
    """
    if "Authorization" not in request.headers:
        return False
    throttle, client = components().login_throttle, f"rq {client_at(request.remote_addr)}"
    if not throttle.is_exceeded(client) and _is_authentic(credentials):
        return True
    throttle.count_failure(client)
    return False


def _is_authentic(credentials: bytes) -> bool:
    """Compare the credentials with those that were sent, still encoded, so that nothing can be
    malformed."""
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    return hmac.compare_digest(sent.strip().encode(), credentials) and scheme.lower() == "basic"


def _harden(response: Response) -> Response:
    if not _is_dashboard():
        return response
    if request.endpoint in INSERTED_AS_HTML and response.is_json:
        # In JSON these characters occur only in strings.
        response.set_data(html.escape(response.get_data(as_text=True), quote=False))
    response.headers.update(HEADERS)
    response.headers["Content-Security-Policy"] = _policy(response)
    return response


def _policy(response: Response) -> str:
    """The strictest Content-Security-Policy under which the pages work.

    Each page has one inline script, at its end, which is allowed by its hash. No other inline
    script, event handler or ``javascript:`` URL runs, whatever text gets into a page, and nothing
    is loaded from or sent to another host. ``unsafe-eval`` is for Underscore, which compiles the
    templates in the page; these hold no data. Inline style attributes are allowed.
    """
    scripts = "'none'"
    if response.mimetype == "text/html":
        inline = response.get_data(as_text=True).rpartition(OWN_SCRIPT)[2].partition("</script>")[0]
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        scripts = f"'self' 'unsafe-eval' 'sha256-{digest}'"
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self'; "
        "style-src-attr 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
