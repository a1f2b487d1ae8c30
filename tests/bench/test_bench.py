"""Each benchmark runs to its end, on little data: nobody looks at its figures here."""

import subprocess
import sys

import pytest

from clv.config import ROOT

# Without tests.bench.get, which needs wrk and a processor for it.
COMMANDS = (
    "batch --customers 300 --runs 1 --databases sqlite",
    "calibrated --customers 2000 --rounds 1 --databases sqlite",
    "lists --customers 2000 --requests 1 --databases sqlite",
    "model --customers 2000 --rounds 1",
    "overview --customers 2000 --requests 1 --databases sqlite",
    "revenue --customers 2000 --requests 1 --databases sqlite",
    "size --customers 300",
    "snapshot --customers 2000 --databases postgresql",
    "upload --rows 2000 --runs 1 --databases postgresql",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_benchmark_runs_to_its_end(command):
    module, *arguments = command.split()
    run = [sys.executable, "-m", f"tests.bench.{module}", *arguments]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    assert "measure" in done.stdout, "it shows a table"
