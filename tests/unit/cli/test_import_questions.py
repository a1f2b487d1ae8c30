"""``flask import`` asks on a terminal what a file leaves open, or names the option."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from clv.config import ROOT
from tests.conftest import environment
from tests.unit.cli.support import summaries

DATES = "Kunde;Datum;Betrag\na;03/04/2026;10,50\nb;05/04/2026;3,00\n"
CURRENCIES = "Customer,Date,Amount,Currency\na,2026-04-01,10,EUR\nb,2026-04-02,20,USD\n"
SECONDS = 120


@pytest.fixture
def at_terminal(settings, tenant, tmp_path):
    """Run ``flask import`` of a text with standard input and error on a terminal; what was printed
    to standard output, and what the terminal showed."""

    def run(text, typed, *options):
        path = tmp_path / "orders.csv"
        path.write_text(text)
        terminal, other_end = pty.openpty()
        command = [sys.executable, "-m", "flask", "import", str(path), "--tenant", "acme", *options]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(settings),
            stdin=other_end,
            stdout=subprocess.PIPE,
            stderr=other_end,
            text=True,
        )
        os.close(other_end)
        os.write(terminal, typed.encode())
        printed, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, shown_on(terminal)
        return printed, shown_on(terminal)

    return run


def shown_on(terminal: int) -> str:
    """What a terminal shows after the last process on it has ended."""
    shown = b""
    while True:
        try:
            part = os.read(terminal, 65_536)
        except OSError:
            # On Linux this is the end.
            break
        if not part:
            break
        shown += part
    return shown.decode()


def test_a_terminal_is_asked_and_the_file_read_again_with_the_answer(at_terminal):
    printed, shown = at_terminal(DATES, "dmy\n")
    assert "03/04/2026" in shown and "dmy" in shown and "mdy" in shown
    assert "2 transactions read" in printed
    assert [row[:2] for row in summaries()] == [("a", "2026-04-03"), ("b", "2026-04-05")]


def test_a_wrong_answer_is_asked_for_again(at_terminal):
    _, shown = at_terminal(DATES, "yes\nmdy\n")
    assert "'yes' is not one of" in shown
    assert [row[:2] for row in summaries()] == [("a", "2026-03-04"), ("b", "2026-05-04")]


def test_questions_do_not_get_into_the_json(at_terminal):
    printed, _ = at_terminal(CURRENCIES, "EUR\n", "--json")
    assert printed.startswith("{") and printed.count("\n") == 1
    assert [(row[0], row[4]) for row in summaries()] == [("a", 100_000)]


def test_a_preview_asks_nothing_and_shows_what_is_open(at_terminal):
    printed, shown = at_terminal(DATES, "", "--preview")
    assert "Open: --date-order: " in printed and "dmy" in printed
    assert "dmy" not in shown and summaries() == []


def test_without_a_terminal_the_option_is_named_with_its_choices(tenant, refused, tmp_path):
    path = Path(tmp_path, "orders.csv")
    path.write_text(DATES)
    for file, stdin in ((str(path), None), ("-", DATES)):
        said = refused("import", file, "--tenant", "acme", stdin=stdin)
        assert said.startswith("Error: --date-order: ")
        assert "dmy" in said and "mdy" in said
    assert summaries() == []


def test_the_option_answers_it(tenant, run, tmp_path):
    run("import", "-", "--tenant", "acme", "--date-order", "dmy", stdin=DATES)
    assert [row[1] for row in summaries()] == ["2026-04-03", "2026-04-05"]
    again = run("import", "-", "--tenant", "acme", stdin=DATES)
    assert "2 unchanged" in again.stdout
