"""The service's settings, and the only place that reads ``os.environ``.

:class:`Settings` declares each setting once: its variable, default, limits and meaning.
"""

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from clv.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
# The launcher leaves the address of the Redis that it started here, for commands in other shells.
EMBEDDED_REDIS = VAR / "redis.url"
# Database connections that the web processes leave to a worker, cron and a one-off command.
RESERVED_CONNECTIONS = 6
# This many hexadecimal digits are 128 bits.
MIN_SECRET_LENGTH = 32

# Turns a variable's name and text into the setting's value, or raises a ConfigError.
Parser = Callable[[str, str], Any]


def _number(kind: type[int] | type[float], low: float, high: float) -> Parser:
    def parse(variable: str, text: str) -> Any:
        wanted = f"{variable} must be {kind.__name__} from {low} to {high}, not {text!r}."
        try:
            value = kind(text)
        except ValueError:
            raise ConfigError(wanted) from None
        if not low <= value <= high:
            raise ConfigError(wanted)
        return value

    return parse


def _flag(variable: str, text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise ConfigError(f"{variable} must be true or false, not {text!r}.")
    return text.lower() in ("true", "1")


def _url(*schemes: str) -> Parser:
    def parse(variable: str, text: str) -> str:
        # The message shows neither the value nor urlsplit's error: both may hold a password.
        try:
            scheme = urlsplit(text).scheme
        except ValueError:
            raise ConfigError(f"{variable} is not a valid URL.") from None
        if scheme not in schemes:
            raise ConfigError(f"{variable} must start with one of: {', '.join(schemes)}.")
        return text

    return parse


def _level(variable: str, text: str) -> str:
    levels = ("DEBUG", "INFO", "WARNING", "ERROR")
    if text.upper() not in levels:
        raise ConfigError(f"{variable} must be one of: {', '.join(levels)}.")
    return text.upper()


def _time_of_day(variable: str, text: str) -> str:
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise ConfigError(f"{variable} must be a UTC time of day such as 02:00, not {text!r}.")
    return text


def _origins(variable: str, text: str) -> tuple[str, ...]:
    origins = tuple(origin.strip() for origin in text.split(",") if origin.strip())
    for origin in origins:
        # In the form that browsers send, because origins are compared as texts.
        if not re.fullmatch(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?", origin):
            raise ConfigError(
                f"{variable} must be origins such as https://app.example.com, in lower case,"
                f" without a path and separated by commas, not {origin!r}."
            )
    return origins


def _rate(variable: str, text: str) -> str:
    if text.lower() == "off":
        return ""
    if not re.fullmatch(r"[1-9][0-9]{0,8}/(second|minute|hour|day)", text):
        raise ConfigError(f"{variable} must be like 6000/minute, or off, not {text!r}.")
    return text


def _text(variable: str, text: str) -> str:
    return text


def _secret(variable: str, text: str) -> str:
    if len(text) < MIN_SECRET_LENGTH:
        raise ConfigError(f"{variable} must have at least {MIN_SECRET_LENGTH} random characters.")
    return text


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
        _url("sqlite", "postgres", "postgresql"),
        "postgresql://user:password@host/name in production",
        secret=True,
    )
    redis_url: str = _setting(
        "REDIS_URL",
        "redis://127.0.0.1:6379/0",
        _url("redis", "rediss", "unix"),
        "Redis of the queue and of the rate limit",
        secret=True,
    )
    # Loading puts it into redis_url, which alone is used, and so alone compared.
    redis_tls_verify: bool = _setting(
        "REDIS_TLS_VERIFY",
        True,
        _flag,
        "false for the self-signed certificates of some providers",
        compare=False,
    )
    db_connections: int = _setting(
        "DB_CONNECTIONS",
        20,
        _number(int, RESERVED_CONNECTIONS + 1, 10_000),
        "connections that the database allows; each web process takes its share",
    )
    web_processes: int = _setting("WEB_CONCURRENCY", 2, _number(int, 1, 64), "web processes")
    # Not more than a process's share of the connections, so that each thread keeps its own.
    web_threads: int = _setting(
        "WEB_THREADS", 7, _number(int, 2, 256), "threads of a web process; half of them may wait"
    )
    trusted_proxies: int = _setting(
        "TRUSTED_PROXIES", 0, _number(int, 0, 10), "how many proxies set X-Forwarded-For"
    )
    rate_limit: str = _setting(
        "RATE_LIMIT", "6000/minute", _rate, "requests of one key, over all processes; or off"
    )
    attempts_limit: str = _setting(
        "ATTEMPTS_LIMIT",
        "60/minute",
        _rate,
        "failed attempts to authenticate from one address, in each process; or off",
    )
    cors_origins: tuple[str, ...] = _setting(
        "CORS_ORIGINS", (), _origins, "other origins whose pages may call the API, with commas"
    )
    compute_wait_seconds: float = _setting(
        "COMPUTE_WAIT_SECONDS",
        25.0,
        _number(float, 0, 29),
        "how long a compute request waits; below the 30 s of common routers",
    )
    shard_customers: int = _setting(
        "SHARD_CUSTOMERS",
        50_000,
        _number(int, 50, 1_000_000),
        "the largest share of a batch that a worker takes at a time",
    )
    run_deadline_hours: float = _setting(
        "RUN_DEADLINE_HOURS",
        6.0,
        _number(float, 0.01, 168),
        "a batch or a backtest that takes longer fails",
    )
    lease_seconds: float = _setting(
        "LEASE_SECONDS",
        20.0,
        _number(float, 1, 600),
        "a worker that is silent for longer counts as dead, and another goes on",
    )
    sweep_seconds: float = _setting(
        "SWEEP_SECONDS",
        15.0,
        _number(float, 1, 300),
        "how often a worker looks for runs that nobody works on",
    )
    max_inflated_mb: int = _setting(
        "MAX_INFLATED_MB",
        2_048,
        _number(int, 1, 1_000_000),
        "the most that a gzipped upload may inflate to",
    )
    nightly_at: str = _setting(
        "NIGHTLY_AT", "02:00", _time_of_day, "when the nightly run of every tenant starts, in UTC"
    )
    worker_runs_cron: bool = _setting(
        "WORKER_RUNS_CRON", False, _flag, "true: workers start the nightly run, without cron"
    )
    rq_dashboard_user: str = _setting(
        "RQ_DASHBOARD_USER", "", _text, "with the password: serves RQ Dashboard at /rq"
    )
    rq_dashboard_password: str = _setting(
        "RQ_DASHBOARD_PASSWORD", "", _text, "the password of RQ Dashboard", secret=True
    )
    metrics_token: str = _setting(
        "METRICS_TOKEN",
        "",
        _text,
        "Bearer token that reads /metrics; without it only this machine may",
        secret=True,
    )
    log_level: str = _setting("LOG_LEVEL", "INFO", _level, "WARNING: no line for each request")
    secret_key: str = _setting(
        "SECRET_KEY",
        "",
        _secret,
        "signs the dashboard's sessions; by default a random one that the database keeps",
        secret=True,
    )

    @property
    def pool_size(self) -> int:
        """Database connections of one web process: its share, but at most one per thread."""
        share = (self.db_connections - RESERVED_CONNECTIONS) // self.web_processes
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

    :raises ConfigError: naming the variable and what would be right
    """
    env = os.environ if environ is None else environ
    values = _parsed(env)
    if "redis_url" not in values and EMBEDDED_REDIS.exists():
        values["redis_url"] = EMBEDDED_REDIS.read_text().strip()
    if not values.get("redis_tls_verify", True) and "redis_url" in values:
        values["redis_url"] = _without_tls_verification(values["redis_url"])
    settings = Settings(**values)
    # Heroku sets DYNO in each of its machines.
    if env.get("DYNO") and settings.database_url.startswith("sqlite:"):
        raise ConfigError(
            "DATABASE_URL must be a PostgreSQL database on Heroku, where files are lost at each"
            " restart: heroku addons:create heroku-postgresql:essential-0"
        )
    return settings


def load() -> Settings:
    """The settings of a process. If one is wrong, end the process with one line that says so."""
    try:
        return from_env()
    except ConfigError as error:
        sys.exit(f"Configuration: {error.message}")


def _parsed(env: Mapping[str, str]) -> dict[str, Any]:
    values = {}
    for variable, setting in VARIABLES.items():
        text = env.get(variable, "").strip()
        if text:
            values[setting.name] = setting.metadata["parse"](variable, text)
    return values


def _without_tls_verification(redis_url: str) -> str:
    if not redis_url.startswith("rediss://"):
        return redis_url
    return f"{redis_url}{'&' if '?' in redis_url else '?'}ssl_cert_reqs=none"
