"""What import-linter (``make check``) can't say: who speaks SQL, reads the environment or the
request, and that importing has no effect."""

import ast
import os
import re
import subprocess
import sys
from functools import cache

import pytest

from clv.config import ROOT
from tests.conftest import free_port

PRODUCT = [
    *sorted((ROOT / "clv").rglob("*.py")),
    *sorted((ROOT / "jobs").rglob("*.py")),
    *sorted(ROOT.glob("*.py")),
]
SQL = re.compile(r"\b(SELECT\b|INSERT\s+INTO\b|UPDATE\s+\S+\s+SET\b|DELETE\s+FROM\b)")
# Imports each module first, in a child of its own that shares nothing but the libraries, and
# refuses whatever connects or makes a database file.
IMPORT_WITHOUT_EFFECTS = """
import importlib, logging, os, sys, threading
libraries, modules = (names.split() for names in sys.argv[1:])
for library in libraries:
    importlib.import_module(library)

def refuse(event, args):
    if event in ("socket.connect", "socket.bind", "sqlite3.connect", "subprocess.Popen", "os.fork"):
        raise RuntimeError(f"importing caused {event} {args}")

def check(module):
    sys.addaudithook(refuse)
    importlib.import_module(module)
    assert not logging.getLogger().handlers, "importing set up logging"
    assert threading.active_count() == 1, "importing started a thread"

def failure(module):
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    try:
        check(module)
    except BaseException as error:
        print(f"{module}: {error!r}", flush=True)
        os._exit(1)
    os._exit(0)

assert not [name for name in sys.modules if name.split(".")[0] in ("clv", "jobs", "app")]
sys.exit(any([failure(module) for module in modules]))
"""
FITS = {"clv.prediction.btyd_fit", "clv.prediction.visitors"}
CALENDAR, TIME_ZONE = "clv.domain.calendar", "clv.domain.time_zone"
PERIODS = "clv.domain.periods"
LIBRARIES = "flask flask_smorest flask_swagger_ui marshmallow webargs peewee playhouse.pool"
LIBRARIES += " playhouse.migrations psycopg numpy redis rq rq_dashboard gunicorn.workers.gthread"
LIBRARIES += " limits"


def name(path):
    """``clv/store/runs.py`` as ``clv.store.runs``."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def trees():
    """The syntax tree of each module; not made when tests are only collected."""
    return {name(path): ast.parse(path.read_text()) for path in PRODUCT}


def imports(module):
    """All that a module imports, anywhere in it: of ``from a import b`` both a and a.b."""
    found = set()
    for node in ast.walk(trees()[module]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def importers(*names):
    """The modules that import one of these or something in it."""
    return {
        module
        for module in trees()
        if any(found == n or found.startswith(f"{n}.") for found in imports(module) for n in names)
    }


def within(*names):
    """These modules and all that lie in them."""
    return {m for m in trees() if any(m == n or m.startswith(f"{n}.") for n in names)}


def texts(module):
    """The string literals of a module, parts of f-strings too, without docstrings."""
    tree = trees()[module]
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
    ]


def test_the_parts_are_all_seen():
    assert {"clv.domain.scoring", "clv.store.runs", "clv.api.runs", "jobs.tasks", "app"} <= set(
        trees()
    )
    assert "clv.errors.Unscorable" in imports("clv.domain.scoring")
    assert "math" in imports("clv.domain.formulas")


def test_the_arithmetic_imports_only_the_standard_library_and_numpy():
    for module in within("clv.domain", "clv.prediction"):
        roots = {found.split(".")[0] for found in imports(module)}
        # scipy is for fits alone: tests/unit/test_btyd.py.
        may = {"clv", "numpy"} | ({"scipy"} if module in FITS else set())
        assert roots - sys.stdlib_module_names <= may, module
        # Of days and times these alone know, and they never ask which one it is.
        of_days = {CALENDAR, TIME_ZONE, PERIODS}
        never = {"time", "os", "random"} | (set() if module in of_days else {"datetime"})
        assert not roots & never, module


def test_only_fits_import_scipy_and_not_at_import():
    assert importers("scipy") == FITS
    for fit in FITS:
        top = [node for node in trees()[fit].body if isinstance(node, (ast.Import, ast.ImportFrom))]
        assert not any("scipy" in ast.unparse(node) for node in top)


def test_nobody_imports_the_application_factory():
    assert not importers("app")


def test_only_the_edge_reads_the_request():
    readers = {m for m in trees() if "flask.request" in imports(m)}
    assert readers <= within("clv.http", "clv.api", "clv.dashboard")


def test_only_the_configuration_reads_the_environment():
    readers = set()
    for module, tree in trees().items():
        for node in ast.walk(tree):
            is_os = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
            if is_os and node.value.id == "os" and node.attr in ("environ", "getenv", "environb"):
                readers.add(module)
    readers |= importers("os.environ", "os.getenv")
    assert readers - {"launch"} == {"clv.config"}


def test_sql_is_spoken_only_by_the_store_and_the_database():
    speakers = {module for module in trees() if any(map(SQL.search, texts(module)))}
    assert speakers <= within("clv.store", "clv.db")
    assert len(speakers & within("clv.store")) > 3


@pytest.mark.parametrize(
    ("database_url", "modules"),
    [
        ("sqlite:////nowhere/at/all/clv.db", within("clv", "jobs") | {"app"}),
        ("postgresql://nobody@127.0.0.1:{port}/x", {"app", "jobs.cron", "jobs.worker"}),
    ],
)
def test_importing_any_module_first_connects_to_nothing(database_url, modules):
    dead = free_port()
    environ = {
        **os.environ,
        "DATABASE_URL": database_url.format(port=dead),
        "REDIS_URL": f"redis://127.0.0.1:{dead}/0",
    }
    command = [sys.executable, "-c", IMPORT_WITHOUT_EFFECTS, LIBRARIES, " ".join(sorted(modules))]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert not done.returncode, done.stdout + done.stderr
