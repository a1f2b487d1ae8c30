"""The demo as a newcomer starts it, in a fresh copy of the project."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from clv.config import ROOT
from tests.conftest import wait_until
from tests.support import chromium

NOT_COPIED = shutil.ignore_patterns(
    ".venv", "var", ".git", ".*_cache", "__pycache__", ".hypothesis"
)
VARIABLES = ("DATABASE_URL", "REDIS_URL", "PORT")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder of a running demo, and what the launcher printed."""
    folder = tmp_path_factory.mktemp("demo") / "clv"
    shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
    output = folder / "output.txt"
    env = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    with output.open("wb") as sink:
        launcher = subprocess.Popen(
            [sys.executable, "launch.py", "--demo"],
            cwd=folder,
            env=env,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(
            lambda: "Ctrl-C" in output.read_text() or launcher.poll() is not None,
            "the demo is up",
            seconds=540,
        )
        assert launcher.poll() is None, output.read_text()
        yield folder, output.read_text()
    finally:
        processes = _descendants(launcher.pid)
        # As from a terminal and from make at once.
        launcher.send_signal(signal.SIGINT)
        launcher.send_signal(signal.SIGTERM)
        launcher.wait(120)
        assert launcher.returncode == 0, output.read_text()
        assert "Traceback" not in output.read_text()
        wait_until(lambda: not any(map(_lives, processes)), "all processes ended")
        assert not (folder / "var" / "redis.url").exists()


def test_the_three_printed_lines_work(demo):
    _, text = demo
    lines = re.findall(r"^  (curl .*)$", text, re.MULTILINE)
    assert len(lines) == 3
    one, batch, jobs = map(_pasted, lines)
    assert one["customerId"] == "00001" and one["source"] == "cached"
    if "jobId" in batch:
        # A slow machine does not finish in time.
        wait_until(lambda: _pasted(lines[2])["data"][0]["success"], "the run ends")
        jobs = _pasted(lines[2])
        batch = {
            name: jobs["data"][0][name] for name in ("success", "computed", "errors", "segment")
        }
    assert batch == {"success": True, "computed": 23570, "errors": 0, "segment": "all"}
    assert [job["status"] for job in jobs["data"]] == ["finished", "finished"]
    assert jobs["data"][1]["requestedBy"] == "command line"


def test_only_the_file_for_its_owner_keeps_the_key(demo):
    folder, text = demo
    kept = folder / "var" / "demo.key"
    token = kept.read_text().strip()
    assert kept.stat().st_mode & 0o777 == 0o600 and token in text
    assert (folder / "var").stat().st_mode & 0o077 == 0
    secret = token.split("_")[2].encode()
    for path in (folder / "var").iterdir():
        # Redis and SQLite may delete their temporary files at any moment.
        with suppress(FileNotFoundError):
            assert path == kept or secret not in path.read_bytes(), path


def test_the_demo_uses_the_at_risk_days_that_fit_its_data(demo):
    folder, text = demo
    assert "At 30 days 94 % of your customers are at risk" in text
    listed = subprocess.run(
        [Path(sys.executable).parent / "flask", "tenants", "list"],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name not in VARIABLES},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    suggested = re.search(r"come back within (\d+) days", text).group(1)
    assert listed.splitlines()[1].split("\t")[4] == suggested


def test_the_dashboard_is_at_the_printed_address(demo):
    folder, text = demo
    assert re.search(r"Dashboard +http://127\.0\.0\.1:\d+/\n", text)
    with _connected(folder, text) as (connection, _):
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Location")) == (303, "/sign-in")


def test_a_mistyped_key_is_refused(demo):
    folder, text = demo
    with _connected(folder, text) as (connection, headers):
        headers["Authorization"] = headers["Authorization"][:-1] + "!"
        connection.request("GET", "/api/v1/customers/00001/clv", headers=headers)
        answer = connection.getresponse()
        assert answer.status == 401 and answer.getheader("WWW-Authenticate") == "Bearer"
        assert json.loads(answer.read())["message"].startswith("A valid API key is required")


def test_a_chunked_body_over_the_limit_is_refused_and_a_small_one_is_read(demo):
    folder, text = demo
    path = "/api/v1/interaction-summaries"
    for size, status in ((100, 400), (5 * 1024 * 1024, 413)):
        with _connected(folder, text) as (connection, headers):
            body = iter([b"x" * 1000] * (size // 1000) or [b"[]"])
            headers["Content-Type"] = "application/json"
            connection.request("POST", path, body, headers, encode_chunked=True)
            answer = connection.getresponse()
            assert answer.status == status
            assert json.loads(answer.read())["code"] == status


def test_a_path_that_is_not_utf8_is_a_400(demo):
    folder, text = demo
    with _connected(folder, text) as (connection, headers):
        connection.request("GET", "/api/v1/customers/%FF/clv", headers=headers)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["code"]) == (400, 400)


def test_the_documents_open_in_a_browser_and_load_nothing_from_other_hosts(demo, browser):
    folder, text = demo
    base = re.search(r"API documents +(http://[^/]+)", text).group(1)
    problems, requested = [], []
    page = browser.new_page()
    page.set_default_timeout(chromium.WAIT_MS)
    page.on("console", lambda message: message.type == "error" and problems.append(message))
    page.on("pageerror", lambda error: problems.append(error))
    page.on("request", lambda request: requested.append(request.url))
    page.goto(f"{base}/api/docs")
    page.wait_for_selector("text=Compute all customers, or one segment")
    page.click("text=Compute all customers, or one segment")
    page.wait_for_selector("text=respond-async: answer 202 at once")
    page.screenshot(path=f"{folder}/docs.png", full_page=True)
    page.close()
    assert not problems
    assert requested and all(url.startswith((base, "data:", "blob:")) for url in requested)


def _pasted(line: str) -> dict:
    """The JSON that a line prints when it is pasted into a shell."""
    return json.loads(subprocess.run(line, shell=True, check=True, capture_output=True).stdout)


@contextmanager
def _connected(folder: Path, text: str):
    """A connection to the web process, and headers with the demo's key."""
    host = re.search(r"API documents +http://([^/]+)", text).group(1)
    token = (folder / "var" / "demo.key").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    with closing(http.client.HTTPConnection(host, timeout=60)) as connection:
        yield connection, headers


def _descendants(pid: int) -> list[int]:
    children = []
    # The process may have ended.
    with suppress(OSError):
        children = list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    return children + [descendant for child in children for descendant in _descendants(child)]


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
