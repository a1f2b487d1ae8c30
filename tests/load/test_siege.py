"""A minute of ``python -m tests.load.siege``."""

import subprocess
import sys

import pytest

from clv.config import ROOT

# Other tests run beside it: what is looked at is that everybody is answered, not how fast.
OPTIONS = ("--busy", "--databases", "sqlite", "--idle", "5", "--alone", "0", "--seconds", "45")


@pytest.mark.timeout(300)
def test_under_all_attacks_at_once_others_are_answered_and_memory_stays_bounded():
    command = [sys.executable, "-m", "tests.load.siege", *OPTIONS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert not done.returncode, done.stdout + done.stderr
    assert "all at once" in done.stdout, "it shows a table"
