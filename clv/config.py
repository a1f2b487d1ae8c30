"""The service's settings, and the only place that reads ``os.environ``.

:class:`Settings` declares each setting once: its variable, default, limits and meaning. The
settings of a tenant are in :mod:`clv.domain.settings`.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from clv.budgets import MAX_BAD_LINES
from clv.errors import ConfigError
from clv.setting_values import (
    MIN_KEY_LENGTH,
    MIN_TOKEN_LENGTH,
    Parser,
    database_url,
    flag,
    level,
    number,
    origins,
    rate,
    redis_url,
    secret_text,
    text,
    time_of_day,
)

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
# The launcher leaves the address of the Redis that it started here, for commands in other shells.
EMBEDDED_REDIS = VAR / "redis.url"
_NO_SQLITE = (
    "DATABASE_URL must be a PostgreSQL database on Heroku, where files are lost at each restart:"
    " heroku addons:create heroku-postgresql:essential-0"
)
# Database connections that the web processes leave to a worker, cron and a one-off command.
RESERVED_CONNECTIONS = 6


def _setting(
    variable: str,
    default: Any,
    parse: Parser,
    meaning: str,
    *,
    secret: bool = False,
    compare: bool = True,
) -> Any:
    """A field of :class:`Settings`.

    :param secret: never shown in a repr
    """
    metadata = {"variable": variable, "parse": parse, "meaning": meaning}
    return field(default=default, repr=not secret, compare=compare, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """All settings, with the defaults that suit a small deployment."""

    database_url: str = _setting(
        "DATABASE_URL",
        f"sqlite:///{VAR / 'clv.db'}",
        database_url,
        "postgresql://user:password@host/name in production",
        secret=True,
    )
    redis_url: str = _setting(
        "REDIS_URL",
        "redis://127.0.0.1:6379/0",
        redis_url,
        "Redis of the queue and of the rate limit",
        secret=True,
    )
    # Loading puts it into redis_url, which alone is used, and so alone compared.
    redis_tls_verify: bool = _setting(
        "REDIS_TLS_VERIFY",
        True,
        flag,
        "false for the self-signed certificates of some providers",
        compare=False,
    )
    db_connections: int = _setting(
        "DB_CONNECTIONS",
        20,
        number(int, RESERVED_CONNECTIONS + 1, 10_000),
        "connections that the database allows; each web process takes its share",
    )
    # gunicorn and the launcher read it themselves.
    port: int | None = _setting("PORT", None, number(int, 1, 65_535), "where the web listens")
    web_processes: int = _setting("WEB_CONCURRENCY", 2, number(int, 1, 64), "web processes")
    web_machines: int = _setting(
        "WEB_MACHINES", 1, number(int, 1, 100), "machines with web processes on the same database"
    )
    # Not more than a process's share of the connections, so that each thread keeps its own.
    web_threads: int = _setting(
        "WEB_THREADS",
        7,
        number(int, 2, 256),
        "threads of a web process; half may serve what takes long",
    )
    trusted_proxies: int = _setting(
        "TRUSTED_PROXIES", 0, number(int, 0, 10), "how many proxies set X-Forwarded-For"
    )
    rate_limit: str = _setting(
        "RATE_LIMIT", "6000/minute", rate, "requests of one key, over all processes; or off"
    )
    # A multiple, so that a higher or lower limit of a key needs no second setting.
    tenant_rate_factor: int = _setting(
        "TENANT_RATE_FACTOR",
        5,
        number(int, 1, 10_000),
        "all keys of a tenant together have so many times RATE_LIMIT",
    )
    max_keys: int = _setting(
        "MAX_KEYS",
        100,
        number(int, 1, 100_000),
        "keys that a tenant may have at a time, and may create within an hour",
    )
    attempts_limit: str = _setting(
        "ATTEMPTS_LIMIT",
        "60/minute",
        rate,
        "failed attempts to authenticate from one address, in each process; or off",
    )
    cors_origins: tuple[str, ...] = _setting(
        "CORS_ORIGINS", (), origins, "other origins whose pages may call the API, with commas"
    )
    compute_wait_seconds: float = _setting(
        "COMPUTE_WAIT_SECONDS",
        25.0,
        number(float, 0, 29),
        "how long a compute request waits; below the 30 s of common routers",
    )
    shard_customers: int = _setting(
        "SHARD_CUSTOMERS",
        50_000,
        number(int, 50, 1_000_000),
        "the largest share of a batch that a worker takes at a time",
    )
    run_deadline_hours: float = _setting(
        "RUN_DEADLINE_HOURS",
        6.0,
        number(float, 0.01, 168),
        "a batch or a backtest that takes longer fails",
    )
    lease_seconds: float = _setting(
        "LEASE_SECONDS",
        20.0,
        number(float, 1, 600),
        "a worker that is silent for longer counts as dead, and another goes on",
    )
    sweep_seconds: float = _setting(
        "SWEEP_SECONDS",
        15.0,
        number(float, 1, 300),
        "how often a worker looks for runs that nobody works on",
    )
    max_upload_mb: int = _setting(
        "MAX_UPLOAD_MB",
        2_048,
        number(int, 1, 1_000_000),
        "the largest file that can be uploaded, as it is sent",
    )
    max_inflated_mb: int = _setting(
        "MAX_INFLATED_MB",
        2_048,
        number(int, 1, 1_000_000),
        "the most that a gzipped upload may inflate to",
    )
    max_bad_lines: int = _setting(
        "MAX_BAD_LINES",
        MAX_BAD_LINES,
        number(int, 0, 1_000_000),
        "after more bad lines of a file reading stops, and it is refused",
    )
    # Half of it, which a tenant gets beside others, holds a file of 2 GB as it was sent and its ten
    # million rows, which take 200 bytes each while they are staged.
    temp_disk_mb: int = _setting(
        "TEMP_DISK_MB",
        8_192,
        number(int, 1, 10_000_000),
        "temporary disk of a web process for uploads, of which a tenant gets half",
    )
    nightly_at: str = _setting(
        "NIGHTLY_AT", "02:00", time_of_day, "when the nightly run of every tenant starts, in UTC"
    )
    worker_runs_cron: bool = _setting(
        "WORKER_RUNS_CRON", False, flag, "true: workers start the nightly run, without cron"
    )
    keep_runs_days: int = _setting(
        "KEEP_RUNS_DAYS",
        90,
        number(int, 1, 3_650),
        "how long ended runs, their errors and backtests are kept",
    )
    keep_removals_days: int = _setting(
        "KEEP_REMOVALS_DAYS",
        30,
        number(int, 1, 3_650),
        "how long it is kept that a customer was removed, under a name that only the id tells",
    )
    rq_dashboard_user: str = _setting(
        "RQ_DASHBOARD_USER", "", text, "with the password: serves RQ Dashboard at /rq"
    )
    rq_dashboard_password: str = _setting(
        "RQ_DASHBOARD_PASSWORD", "", text, "the password of RQ Dashboard", secret=True
    )
    metrics_token: str = _setting(
        "METRICS_TOKEN",
        "",
        secret_text(MIN_TOKEN_LENGTH),
        "Bearer token that reads /metrics; without it only this machine may",
        secret=True,
    )
    log_level: str = _setting("LOG_LEVEL", "INFO", level, "WARNING: no line for each request")
    secret_key: str = _setting(
        "SECRET_KEY",
        "",
        secret_text(MIN_KEY_LENGTH),
        "signs the dashboard's sessions; by default a random one that the database keeps",
        secret=True,
    )

    @property
    def pool_size(self) -> int:
        """Database connections of one web process: its share, but at most one per thread."""
        processes = self.web_machines * self.web_processes
        share = (self.db_connections - RESERVED_CONNECTIONS) // processes
        return max(1, min(self.web_threads, share))

    @property
    def run_deadline_ms(self) -> int:
        """How long a run or a backtest may take, in milliseconds."""
        return int(self.run_deadline_hours * 3_600_000)

    @property
    def lease_ms(self) -> int:
        """How long a worker keeps its claim without a sign of life, in milliseconds."""
        return int(self.lease_seconds * 1000)


# Each environment variable and the field of Settings that it sets.
VARIABLES = {setting.metadata["variable"]: setting for setting in fields(Settings)}


def from_env(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment; an empty variable counts as unset.

    :raises ConfigError: with a line for each wrong one, which names the variable and what would be
        right
    """
    env = os.environ if environ is None else environ
    values, wrong = _parsed(env)
    # Heroku sets DYNO in each of its machines.
    if env.get("DYNO") and values.get("database_url", "sqlite:").startswith("sqlite:"):
        wrong.append(_NO_SQLITE)
    if wrong:
        raise ConfigError("\n".join(wrong))
    if "redis_url" not in values and EMBEDDED_REDIS.exists():
        values["redis_url"] = EMBEDDED_REDIS.read_text().strip()
    if not values.get("redis_tls_verify", True) and "redis_url" in values:
        values["redis_url"] = _without_tls_verification(values["redis_url"])
    return Settings(**values)


def load() -> Settings:
    """The settings of a process. If any is wrong, end the process with a line for each."""
    try:
        return from_env()
    except ConfigError as error:
        sys.exit("\n".join(f"Configuration: {line}" for line in error.message.splitlines()))


def _parsed(env: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The values by field, and what is wrong with the others."""
    values, wrong = {}, []
    for variable, setting in VARIABLES.items():
        text = env.get(variable, "").strip()
        if text:
            try:
                values[setting.name] = setting.metadata["parse"](variable, text)
            except ConfigError as error:
                wrong.append(error.message)
    return values, wrong


def _without_tls_verification(redis_url: str) -> str:
    if not redis_url.startswith("rediss://"):
        return redis_url
    return f"{redis_url}{'&' if '?' in redis_url else '?'}ssl_cert_reqs=none"
