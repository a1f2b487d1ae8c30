"""Nothing that is planted in Redis or in an address runs."""

import os
import pickle
from contextlib import closing

from rq.results import Result

from tests.api.queue_dashboard.support import (
    DESCRIPTION,
    JOBS,
    OWN_PAGE,
    PASSWORD,
    PROBE,
    RIGHT,
    USER,
    working_on,
)
from tests.api.test_errors import assert_is_an_error
from tests.api.web import served
from tests.conftest import ON_ONE_DATABASE, wait_until
from tests.support import chromium, planted

REGISTRIES = "queued|scheduled|deferred|started|finished|failed|canceled".split("|")
# Resolves to the directive that the policy's refusal names.
INJECT = """
html => new Promise(done => {
    document.addEventListener("securitypolicyviolation", event => done(event.effectiveDirective));
    document.querySelector("#job-data").innerHTML = html;
})
"""


@ON_ONE_DATABASE
def test_a_queues_name_cannot_break_out_of_the_pages_script(operator):
    for name in ("x');alert(1);('", "</script><script>alert(1)</script>", "x\\"):
        answer = operator.get(f"/rq/0/view/jobs/{name}/queued/8/asc/1", headers=RIGHT)
        assert_is_an_error(answer, 404)


@ON_ONE_DATABASE
def test_texts_of_jobs_are_escaped_and_the_policy_forbids_inline_scripts(operator, failed):
    info = operator.get(f"/rq/0/data/job/{failed.id}.json", headers=RIGHT)
    assert "<" not in info.text and info.json["description"].startswith("&lt;script&gt;")
    assert info.json["exc_info"].startswith("&lt;script&gt;")
    assert info.json["metadata"].startswith('{"note": "&lt;script&gt;')
    listed = operator.get(JOBS.format("shelf/failed"), headers=RIGHT).json["jobs"]
    assert PROBE in [one["description"] for one in listed], "that page escapes itself"
    page = operator.get(f"/rq/0/view/job/{failed.id}", headers=RIGHT)
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Referrer-Policy"] == "same-origin"
    directives = dict(
        part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";")
    )
    assert directives["default-src"] == directives["base-uri"] == "'none'"
    assert directives["script-src"].startswith("'self' 'unsafe-eval' 'sha256-")
    assert "unsafe-inline" not in directives["script-src"] + directives["style-src"]


@ON_ONE_DATABASE
def test_what_a_worker_does_is_escaped_too(operator, redis, put):
    with working_on(put(description=PROBE), redis):
        shown = operator.get("/rq/0/data/workers.json", headers=RIGHT)
    assert "<" not in shown.text and "&lt;script&gt;" in shown.text


@ON_ONE_DATABASE
def test_the_result_of_a_planted_job_is_escaped(operator, redis, put):
    job = put()
    Result.create(
        job, Result.Type.SUCCESSFUL, ttl=60, return_value={PROBE: [PROBE]}, worker_name="test"
    )
    info = operator.get(f"/rq/0/data/job/{job.id}.json", headers=RIGHT)
    assert "<" not in info.text and "&lt;script&gt;" in str(info.json["result"])


@ON_ONE_DATABASE
def test_nothing_planted_in_a_registry_is_called_by_any_page(
    operator, redis, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    with planted.trap(tmp_path) as trap:
        planted_ids = planted.plant_everywhere(redis, trap)
        try:
            for registry in REGISTRIES:
                answer = operator.get(
                    f"/rq/0/data/jobs/clv/{registry}/99/asc/1.json", headers=RIGHT
                )
                assert answer.status_code == 200, registry
            for path in ("/rq/0/data/queues.json", "/rq/0/data/workers.json"):
                assert operator.get(path, headers=RIGHT).status_code == 200
            for job_id in planted_ids:
                answers = [
                    operator.get(f"/rq/0/view/job/{job_id}", headers=RIGHT),
                    operator.get(f"/rq/0/data/job/{job_id}.json", headers=RIGHT),
                    operator.post(f"/rq/job/{job_id}/requeue", headers=OWN_PAGE),
                ]
                assert {answer.status_code for answer in answers} <= {200, 404, 409}, job_id
            operator.post("/rq/requeue/clv", headers=OWN_PAGE)
            assert trap.sprung == []
        finally:
            planted.remove_everything(redis)


@ON_ONE_DATABASE
def test_pickles_planted_in_redis_are_never_loaded(operator, redis, put, tmp_path):
    job = put()
    sprung = tmp_path / "sprung"
    planted = pickle.dumps(Plant(str(sprung)))
    redis.hset(job.key, mapping={"meta": planted, "result": planted, "data": planted})
    for path in (f"/rq/0/view/job/{job.id}", f"/rq/0/data/job/{job.id}.json"):
        operator.get(path, headers=RIGHT)
    operator.post(f"/rq/job/{job.id}/requeue", headers=OWN_PAGE)
    assert not sprung.exists()


class Plant:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@ON_ONE_DATABASE
def test_the_pages_work_in_a_browser_and_nothing_injected_runs(
    dashboard, redis, failed, put, browser
):
    problems = []
    with served(dashboard) as base, working_on(put(), redis):
        login = {"username": USER, "password": PASSWORD}
        with closing(browser.new_page(http_credentials=login)) as page:
            page.set_default_timeout(chromium.WAIT_MS)
            page.on("pageerror", lambda error: problems.append(error))
            page.on(
                "console", lambda message: "Security" in message.text and problems.append(message)
            )
            page.goto(f"{base}/rq/")
            page.wait_for_selector("#queues td:has-text('shelf')")
            page.goto(f"{base}/rq/0/view/workers")
            page.wait_for_selector(f"#workers td:has-text('{DESCRIPTION}')")
            page.goto(f"{base}/rq/0/view/jobs/shelf/failed/8/asc/1")
            page.wait_for_selector(f"[data-job-id='{failed.id}'] .exc_info:has-text('<script>')")
            page.goto(f"{base}/rq/0/view/job/{failed.id}")
            page.wait_for_selector(".exc_info:has-text('<script>window.injected')")
            assert page.query_selector("#job-data img, #job-data script") is None
            assert not problems
            # Were the text not escaped, the policy would still refuse it.
            assert page.evaluate(INJECT, PROBE).startswith("script-src")
            assert page.evaluate("window.injected") is None
            page.click("#requeue-job-btn")
            wait_until(lambda: failed.get_status() == "queued", "the button queues it again")
