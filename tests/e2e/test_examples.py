"""The examples of the README and of docs/, in a shell against the demo's data."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from clv.config import ROOT, Settings
from tests.e2e import browser

PAGES = ("README.md", "docs/loading-data.md", "docs/api.md")
# When the answers were recorded; the examples are run as if they had been today.
RECORDED = date(2026, 11, 25)
# What `make demo` takes over from the data.
AT_RISK_DAYS = 198
DAY = re.compile(r"2026-11-\d\d")
# What an answer has of the moment, and of a fit to the data, which the season enters into.
VARYING = re.compile(
    r'(?<="computedAt":")[^"]+|(?<="predictedRevenue":)[\d.]+|(?<="churnProbability":)[\d.]+'
)
# A block of code, and the answer in a block behind it.
EXAMPLE = re.compile(r"^```\n((?:(?!```).*\n)+)```\n```json\n(.*)\n```", re.MULTILINE)
NIGHTLY = re.compile(r"^```\n(set -eu\n(?:(?!```).*\n)+)```", re.MULTILINE)

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")


@pytest.fixture(scope="module")
def shell(workspace, redis_url, cdnow, tmp_path_factory) -> Iterator[Callable[[str], str]]:
    """Runs a script where ``make demo`` has been started, and returns what it prints."""
    database = f"sqlite:///{workspace / 'examples.db'}"
    settings = Settings(database_url=database, redis_url=f"{redis_url}/14")
    folder = tmp_path_factory.mktemp("examples")
    (folder / "var").mkdir()
    with browser.running(settings, cdnow, AT_RISK_DAYS) as service:
        key = service.keys["shop", "admin"]
        # A fit would take longer than a request waits, beside all the other tests.
        service.ask("PUT", "/settings", key, b'{"model": "rfm"}')
        (folder / "var" / "demo.key").write_text(f"{key}\n")
        yield lambda script: run(script, folder, API=f"{service.url}/api/v1", KEY=key)


def run(script: str, folder: Path, **variables: str) -> str:
    """What a script prints; it must succeed."""
    done = subprocess.run(
        script,
        shell=True,
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def today(script: str) -> str:
    """The script with all days later by as much as today is after the recording."""
    later = datetime.now(UTC).date() - RECORDED
    return DAY.sub(lambda day: (date.fromisoformat(day[0]) + later).isoformat(), script)


def examples() -> list[tuple[str, str]]:
    """Scripts with their recorded answers, in the order in which somebody reads them."""
    return [example for page in PAGES for example in EXAMPLE.findall((ROOT / page).read_text())]


def test_every_recorded_answer_comes_again(shell):
    assert len(examples()) == 6
    for script, recorded in examples():
        answer = shell(today(script)).rstrip("\n")
        assert VARYING.sub("", answer) == VARYING.sub("", today(recorded)), script


def test_the_nightly_job_runs_as_it_stands(shell):
    (script,) = NIGHTLY.findall((ROOT / "docs" / "loading-data.md").read_text())
    printed = shell(f"{today(script)}\ncat scores.csv")
    answers = [json.loads(line) for line in printed.splitlines() if line.startswith('{"')]
    uploaded, changes, at_risk, summary = answers
    assert (uploaded["received"], uploaded["rejected"]) == (2, 0)
    assert "finished 100" in printed
    assert {change["segment"] for change in changes["data"]} == {"at_risk"}
    assert {record["segment"] for record in at_risk["data"]} == {"at_risk"}
    assert not summary["stale"] and not summary["settingsChangedSinceLastRun"]
    scores = printed[printed.index("customerId,clvScore,score,") :]
    assert scores.count("\n") == summary["customers"] + 1
