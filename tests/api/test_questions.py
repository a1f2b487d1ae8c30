"""What docs/questions.md says that one can ask, asked of the sample's customers."""

import json
import re
from typing import Any

import pytest

from clv.config import ROOT
from clv.files.audiences import TARGETS
from tests.api.records.support import URL as RECORDS
from tests.conftest import ON_ONE_DATABASE
from tests.jobs.support import Bell, begin, complete

SAMPLE = "clv/sample/cdnow.csv.gz"
# | question | `GET /api/v1/…` | `part.of[0].theAnswer` | `its value as JSON` |
ROW = re.compile(r"^\|([^|]+)\| `GET ([^`]+)` \| `([^`]+)` \| `([^`]+)` \|$", re.MULTILINE)
PAGE = (ROOT / "docs" / "questions.md").read_text()
# From this heading on the sample is asked as it was loaded with its own days.
BY_MONTH = "## What came in, and who came back?"
QUESTIONS, OF_MONTHS = (ROW.findall(part) for part in PAGE.split(BY_MONTH))
STEP = re.compile(r"(\w+)|\[(\d*)\]")


@pytest.fixture
def sample(app, tenant) -> None:
    """The tenant has the sample as ``make demo`` loads it, computed by ``rfm``."""
    runner = app.test_cli_runner()
    loaded = ("import", str(ROOT / SAMPLE), "--tenant", tenant.name, "--replay-until", "now")
    for command in (
        loaded,
        ("tenants", "set", tenant.name, "--at-risk-days", "suggested", "--model", "rfm"),
    ):
        done = runner.invoke(args=command)
        assert done.exit_code == 0, done.output
    complete(begin(), Bell(app.extensions["clv"].queue.redis))


@pytest.fixture
def as_it_is(app, tenant) -> None:
    """The tenant has the sample with its own days, computed."""
    command = ("import", str(ROOT / SAMPLE), "--tenant", tenant.name)
    done = app.test_cli_runner().invoke(args=command)
    assert done.exit_code == 0, done.output
    complete(begin(), Bell(app.extensions["clv"].queue.redis))


def part(answer: Any, path: str) -> Any:
    """A part of JSON: ``a.b`` is that of an object, ``[0]`` an entry of a list, and ``[]`` all."""
    for match in STEP.finditer(path):
        name, index = match.groups()
        if name:
            answer = answer[name]
        elif index:
            answer = answer[int(index)]
        else:
            return [part(entry, path[match.end() :]) for entry in answer]
    return answer


def wrong_answers(client, key, questions: list[tuple[str, ...]]) -> str:
    """The rows whose answer is another one, with what it is."""
    wrong = []
    for question, request, path, expected in questions:
        answer = client.get(request, headers=key)
        assert answer.status_code == 200, (request, answer.text)
        found = part(answer.json, path)
        if found != json.loads(expected):
            wrong.append(f"{question.strip()} `{path}` is {json.dumps(found)}, not {expected}")
    return "\n".join(wrong)


@ON_ONE_DATABASE
def test_every_question_has_the_answer_that_its_row_says(client, headers, sample):
    key = headers("viewer")
    assert len(QUESTIONS) > 10
    assert wrong_answers(client, key, QUESTIONS) == ""
    # The page says so of the sample, whose ids are numbers.
    for target in TARGETS:
        assert client.get(f"{RECORDS}?format={target}", headers=key).status_code == 400


@ON_ONE_DATABASE
def test_every_question_of_months_has_the_answer_that_its_row_says(client, headers, as_it_is):
    assert len(OF_MONTHS) > 5
    assert wrong_answers(client, headers("viewer"), OF_MONTHS) == ""


def test_every_row_of_the_tables_is_asked():
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    headings = [line for line in rows if line.startswith("| question ")]
    assert headings and len(rows) - len(headings) == len(QUESTIONS) + len(OF_MONTHS)
