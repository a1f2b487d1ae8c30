"""What docs/questions.md says that one can ask, asked of the sample's customers."""

import json
import re
from typing import Any

import pytest

from clv.config import ROOT
from clv.files.audiences import TARGETS
from tests.api.records.support import URL as RECORDS
from tests.jobs.support import Bell, begin, complete

SAMPLE = "clv/sample/cdnow.csv.gz"
# | question | `GET /api/v1/…` | `part.of[0].theAnswer` | `its value as JSON` |
ROW = re.compile(r"^\|([^|]+)\| `GET ([^`]+)` \| `([^`]+)` \| `([^`]+)` \|$", re.MULTILINE)
QUESTIONS = ROW.findall((ROOT / "docs" / "questions.md").read_text())
STEP = re.compile(r"(\w+)|\[(\d*)\]")


@pytest.fixture
def sample(app, tenant) -> None:
    """The tenant has the sample as ``make demo`` loads it, computed."""
    runner = app.test_cli_runner()
    loaded = ("import", str(ROOT / SAMPLE), "--tenant", tenant.name, "--replay-until", "now")
    for command in (loaded, ("tenants", "set", tenant.name, "--at-risk-days", "suggested")):
        done = runner.invoke(args=command)
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


def test_every_question_has_the_answer_that_its_row_says(client, headers, sample):
    key, wrong = headers("viewer"), []
    for question, request, path, expected in QUESTIONS:
        answer = client.get(request, headers=key)
        assert answer.status_code == 200, (request, answer.text)
        found = part(answer.json, path)
        if found != json.loads(expected):
            wrong.append(f"{question.strip()} `{path}` is {json.dumps(found)}, not {expected}")
    assert len(QUESTIONS) > 10 and not wrong, "\n".join(wrong)
    # The page says so of the sample, whose ids are numbers.
    for target in TARGETS:
        assert client.get(f"{RECORDS}?format={target}", headers=key).status_code == 400


def test_every_row_of_the_tables_is_asked():
    text = (ROOT / "docs" / "questions.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    headings = [line for line in rows if line.startswith("| question ")]
    assert headings and len(rows) - len(headings) == len(QUESTIONS)
