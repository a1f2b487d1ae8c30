"""Files that are made to cost much cost no more than 2 s of the processor, and 64 MiB."""

import json
import subprocess
import sys

import pytest

from clv.config import ROOT
from tests.support.hostile_files import EMPTY_MEMBERS, HOSTILE

MOST_SECONDS = 2.0
MOST_BYTES = 64 * 1024 * 1024
# Names of files that are read by one process.
AT_ONCE = 7
NAMES = sorted(HOSTILE)


@pytest.mark.parametrize("action", ["load", "skip", "preview"])
@pytest.mark.parametrize("start", range(0, len(NAMES), AT_ONCE))
def test_no_hostile_file_costs_much(tmp_path, start, action):
    tasks = [task(tmp_path, name, action) for name in NAMES[start : start + AT_ONCE]]
    assert_cheap(costs(tasks))


def test_a_gzip_of_many_empty_members_costs_little(tmp_path):
    path = tmp_path / "members"
    path.write_bytes(EMPTY_MEMBERS)
    options = {"kind": "csv", "are_summaries": False, "action": "load"}
    [cost] = costs([{"name": "empty members", "path": str(path), **options}])
    assert_cheap([cost])
    assert "processor time" in cost["message"]


def task(folder, name, action):
    hostile = HOSTILE[name]
    path = folder / name.replace(" ", "_")
    path.write_bytes(hostile.packed())
    return {
        "name": name,
        "path": str(path),
        "kind": hostile.kind,
        "are_summaries": hostile.are_summaries,
        "action": action,
    }


def costs(tasks):
    """What each of the tasks cost, in a process that did nothing else."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.file_cost"],
        cwd=ROOT,
        input="".join(json.dumps(each) + "\n" for each in tasks),
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr[-2_000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_cheap(found):
    dear = [each for each in found if each["seconds"] > MOST_SECONDS or each["bytes"] > MOST_BYTES]
    assert not dear, dear
