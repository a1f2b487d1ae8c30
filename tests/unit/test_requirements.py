"""What gets installed is locked: every distribution by its version, every file by its hash."""

import os
import re
import subprocess
from importlib.metadata import distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from clv.config import ROOT

# What `make lock` makes of which file of direct dependencies. Heroku installs the first by itself.
LOCKS = {
    "requirements.txt": "requirements/runtime.in",
    "requirements/local.txt": "requirements/local.in",
    "requirements/dev.txt": "requirements/dev.in",
}
LOCK = pytest.mark.parametrize("lock", LOCKS)
PIN = re.compile(r"^([\w.-]+)(?:\[\w+\])?==([^\s;]+)", re.MULTILINE)
LOCKED = re.compile(PIN.pattern + r"[^\n]*((?:\\\n +--hash=sha256:[0-9a-f]{64} ?)+)$", re.MULTILINE)


def pins(path: str) -> dict[str, str]:
    """The versions in a file, by name."""
    return {name: version for name, version, *_ in PIN.findall((ROOT / path).read_text())}


@LOCK
def test_every_direct_dependency_is_pinned_and_in_the_lock(lock):
    lines = (ROOT / LOCKS[lock]).read_text().splitlines()
    direct = pins(LOCKS[lock])
    assert len(direct) == sum(not line.startswith(("#", "-c ")) for line in lines) > 0
    assert direct.items() <= pins(lock).items()


@LOCK
def test_everything_in_a_lock_has_hashes(lock):
    hashed = {name: version for name, version, _ in LOCKED.findall((ROOT / lock).read_text())}
    assert hashed and hashed == pins(lock)


@LOCK
def test_a_lock_names_no_other_source_and_lets_nothing_be_built(lock):
    lines = (ROOT / lock).read_text().splitlines()
    assert [line for line in lines if line.startswith("-")] == ["--only-binary :all:"]
    assert not [line for line in lines if "://" in line]


def test_the_locks_agree():
    locked: dict[str, str] = {}
    for lock in LOCKS:
        for name, version in pins(lock).items():
            assert locked.setdefault(name, version) == version, name


def test_everything_that_the_direct_ones_need_is_in_a_lock_as_it_is_installed():
    locked = {name: version for lock in LOCKS for name, version in pins(lock).items()}
    wanted = {Requirement(name) for path in LOCKS.values() for name in pins(path)}
    needed = closure({*wanted, Requirement("psycopg[binary]")})
    assert len(needed) > 80 and needed.items() <= locked.items()


def test_make_installs_nothing_without_its_hash():
    variables = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ("make", "--dry-run", "--always-make", ".venv/dev")
    done = subprocess.run(command, cwd=ROOT, env=variables, check=True, capture_output=True)
    installs = [line for line in done.stdout.decode().splitlines() if " install " in line]
    assert all(" --require-hashes " in line for line in installs)
    files = re.findall(r"-r (\S+)", " ".join(installs))
    assert files == list(LOCKS)


def closure(wanted: set[Requirement]) -> dict[str, str]:
    """What these requirements lead to in this environment: the installed versions, by name."""
    found: dict[str, str] = {}
    seen: set[Requirement] = set()
    while wanted:
        requirement = wanted.pop()
        seen.add(requirement)
        installed = distribution(requirement.name)
        found[canonicalize_name(requirement.name)] = installed.version
        for extra in requirement.extras or {""}:
            needs = map(Requirement, installed.requires or ())
            wanted |= {need for need in needs if applies(need, extra)} - seen
    return found


def applies(requirement: Requirement, extra: str) -> bool:
    """Whether a distribution with this extra needs it here."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})
