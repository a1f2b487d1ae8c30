"""What the commands say of themselves."""

import re

import pytest

COMMANDS = [
    ("migrate",),
    ("tenants",),
    ("tenants", "create"),
    ("tenants", "list"),
    ("tenants", "set"),
    ("keys",),
    ("keys", "create"),
    ("keys", "list"),
    ("keys", "revoke"),
    ("import",),
    ("export",),
    ("compute",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_explains_itself(run, command):
    text = run(*command, "--help").stdout
    assert re.match(rf"Usage: .* {' '.join(command)} .*\n\n  [A-Z]", text)


def test_the_commands_are_listed(run):
    text = run("--help").stdout
    for name in {command[0] for command in COMMANDS}:
        assert re.search(rf"^  {name} +[A-Z]", text, re.MULTILINE)


def test_migrate_says_when_there_is_nothing_to_do(run):
    assert run("migrate").stderr == "Nothing to do.\n"
