"""The service's settings, and the only place that reads ``os.environ``."""

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from clv.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
# The launcher leaves the address of the Redis that it started here, for commands in other shells.
EMBEDDED_REDIS = VAR / "redis.url"
# Kept back from each web process's share of the connections: worker, cron, a one-off command.
RESERVED_CONNECTIONS = 6
# As many hexadecimal digits are 128 bits.
MIN_SECRET_LENGTH = 32


@dataclass(frozen=True)
class Settings:
    """All settings, with the values that suit a small deploy."""

    database_url: str = field(default=f"sqlite:///{VAR / 'clv.db'}", repr=False)
    redis_url: str = field(default="redis://127.0.0.1:6379/0", repr=False)
    db_connections: int = 20
    web_processes: int = 2
    # As many as each process has database connections, so that every thread keeps its own.
    web_threads: int = 7
    trusted_proxies: int = 0
    rate_limit: str = "6000/minute"
    attempts_limit: str = "60/minute"
    cors_origins: tuple[str, ...] = ()
    compute_wait_seconds: float = 25.0
    shard_customers: int = 50_000
    run_deadline_hours: float = 6.0
    lease_seconds: float = 20.0
    sweep_seconds: float = 15.0
    max_inflated_mb: int = 2_048
    nightly_at: str = "02:00"
    worker_runs_cron: bool = False
    rq_dashboard_user: str = ""
    rq_dashboard_password: str = field(default="", repr=False)
    metrics_token: str = field(default="", repr=False)
    log_level: str = "INFO"
    secret_key: str = field(default="", repr=False)

    @property
    def pool_size(self) -> int:
        """Database connections of one web process, at most one a thread."""
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


def from_env(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment; an empty variable counts as unset.

    :raises ConfigError: naming the variable and what would be right
    """
    env = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for variable, (name, parse) in _VARIABLES.items():
        text = env.get(variable, "").strip()
        if text:
            values[name] = parse(variable, text)
    if "redis_url" not in values and EMBEDDED_REDIS.exists():
        values["redis_url"] = EMBEDDED_REDIS.read_text().strip()
    if not values.pop("redis_tls_verify", True) and "redis_url" in values:
        values["redis_url"] = _without_tls_verification(values["redis_url"])
    settings = Settings(**values)
    # Heroku sets it in each of its machines.
    if env.get("DYNO") and settings.database_url.startswith("sqlite:"):
        raise ConfigError(
            "DATABASE_URL must be a PostgreSQL database on Heroku, where files are lost at each"
            " restart: heroku addons:create heroku-postgresql:essential-0"
        )
    return settings


def load() -> Settings:
    """The settings of a process, or its end with one line that says what is wrong."""
    try:
        return from_env()
    except ConfigError as error:
        sys.exit(f"Configuration: {error.message}")


def _number(kind: type[int] | type[float], low: float, high: float) -> Callable[[str, str], Any]:
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


def _url(*schemes: str) -> Callable[[str, str], str]:
    def parse(variable: str, text: str) -> str:
        # The value itself, and the text of an error about it, may hold a password.
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
    found = tuple(origin.strip() for origin in text.split(",") if origin.strip())
    for origin in found:
        # As a browser sends them, for they are compared as texts.
        if not re.fullmatch(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?", origin):
            raise ConfigError(
                f"{variable} must be origins such as https://app.example.com, in lower case,"
                f" without a path and separated by commas, not {origin!r}."
            )
    return found


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


def _without_tls_verification(redis_url: str) -> str:
    if not redis_url.startswith("rediss://"):
        return redis_url
    return f"{redis_url}{'&' if '?' in redis_url else '?'}ssl_cert_reqs=none"


_VARIABLES: dict[str, tuple[str, Callable[[str, str], Any]]] = {
    "DATABASE_URL": ("database_url", _url("sqlite", "postgres", "postgresql")),
    "REDIS_URL": ("redis_url", _url("redis", "rediss", "unix")),
    "REDIS_TLS_VERIFY": ("redis_tls_verify", _flag),
    "DB_CONNECTIONS": ("db_connections", _number(int, RESERVED_CONNECTIONS + 1, 10_000)),
    "WEB_CONCURRENCY": ("web_processes", _number(int, 1, 64)),
    "WEB_THREADS": ("web_threads", _number(int, 2, 256)),
    "TRUSTED_PROXIES": ("trusted_proxies", _number(int, 0, 10)),
    "RATE_LIMIT": ("rate_limit", _rate),
    "ATTEMPTS_LIMIT": ("attempts_limit", _rate),
    "CORS_ORIGINS": ("cors_origins", _origins),
    "COMPUTE_WAIT_SECONDS": ("compute_wait_seconds", _number(float, 0, 29)),
    "SHARD_CUSTOMERS": ("shard_customers", _number(int, 50, 1_000_000)),
    "RUN_DEADLINE_HOURS": ("run_deadline_hours", _number(float, 0.01, 168)),
    "LEASE_SECONDS": ("lease_seconds", _number(float, 1, 600)),
    "SWEEP_SECONDS": ("sweep_seconds", _number(float, 1, 300)),
    "MAX_INFLATED_MB": ("max_inflated_mb", _number(int, 1, 1_000_000)),
    "NIGHTLY_AT": ("nightly_at", _time_of_day),
    "WORKER_RUNS_CRON": ("worker_runs_cron", _flag),
    "RQ_DASHBOARD_USER": ("rq_dashboard_user", _text),
    "RQ_DASHBOARD_PASSWORD": ("rq_dashboard_password", _text),
    "METRICS_TOKEN": ("metrics_token", _text),
    "LOG_LEVEL": ("log_level", _level),
    "SECRET_KEY": ("secret_key", _secret),
}
