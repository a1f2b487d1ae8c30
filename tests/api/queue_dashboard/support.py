"""The operator's credentials, and jobs as they are planted."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from redis import Redis
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from clv.config import Settings

USER, PASSWORD = "operator", "geheim:ß"
DESCRIPTION = "Compute customer lifetime values"
JOBS = "/rq/0/data/jobs/{}/8/asc/1.json"
PROBE = "<script>window.injected = 1</script><img src=x onerror='window.injected = 1'>"


def basic(credentials: str | bytes) -> dict[str, str]:
    """The header of HTTP Basic authentication."""
    raw = credentials if isinstance(credentials, bytes) else credentials.encode()
    return {"Authorization": f"Basic {base64.b64encode(raw).decode()}"}


RIGHT = basic(f"{USER}:{PASSWORD}")
OWN_PAGE = {**RIGHT, "Origin": "http://localhost"}


def guarded(settings: Settings) -> Settings:
    """The same settings with credentials for the dashboard, and no limit on wrong ones."""
    return replace(
        settings, rq_dashboard_user=USER, rq_dashboard_password=PASSWORD, attempts_limit=""
    )


@contextmanager
def working_on(job: Job, connection: Redis) -> Iterator[Worker]:
    """A worker as RQ registers one that works on this job."""
    queues = [Queue("clv", connection=connection, serializer=JSONSerializer)]
    worker = Worker(queues, connection=connection, serializer=JSONSerializer)
    worker.register_birth()
    execution = worker.prepare_execution(job)
    worker.set_state("busy")
    try:
        yield worker
    finally:
        with connection.pipeline() as pipeline:
            worker.cleanup_execution(job, pipeline, execution)
            pipeline.execute()
        worker.register_death()


def paths(application, **named: str) -> list[str]:
    """A path for each rule below /rq, and some that no rule matches."""
    values = {
        "instance_number": 0,
        "queue_name": "clv",
        "registry_name": "queued",
        "per_page": 8,
        "order": "asc",
        "page": 1,
        "job_id": "none",
        "filename": "css/main.css",
        **named,
    }
    adapter = application.url_map.bind("localhost")
    rules = [r for r in application.url_map.iter_rules() if r.rule.startswith("/rq")]
    found = [rule.build({**(rule.defaults or {}), **values})[1] for rule in rules]
    assert len(set(found)) > 15 and adapter.test("/rq/0/data/workers.json")
    return [path.partition("?")[0] for path in found] + ["/rq", "/rq/nothing", "/rq/9/view/queues"]
