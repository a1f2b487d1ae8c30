"""Settings from the environment."""

from dataclasses import fields

import pytest

from clv import config
from clv.config import Settings, from_env
from clv.errors import ConfigError


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch, tmp_path):
    """No launcher has left the address of its Redis."""
    monkeypatch.setattr(config, "EMBEDDED_REDIS", tmp_path / "redis.url")
    return tmp_path / "redis.url"


def refused(variable, text):
    with pytest.raises(ConfigError) as raised:
        from_env({variable: text})
    assert variable in raised.value.message
    return raised.value.message


def test_without_variables_the_defaults_hold():
    found = from_env({})
    assert found == Settings()
    assert found.database_url.startswith("sqlite:///") and found.database_url.endswith("clv.db")
    assert found.redis_url == "redis://127.0.0.1:6379/0"
    assert (found.db_connections, found.web_processes, found.web_threads) == (20, 2, 7)
    assert (found.trusted_proxies, found.compute_wait_seconds) == (0, 25)


def test_empty_and_unknown_variables_count_as_unset():
    assert from_env({"DATABASE_URL": "", "WEB_THREADS": "  ", "NOBODY_KNOWS": "x"}) == Settings()


def test_the_processes_own_environment_is_read(monkeypatch):
    monkeypatch.setenv("WEB_THREADS", "5")
    assert from_env().web_threads == 5


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("DATABASE_URL", "sqlite:////data/x.db", "database_url", "sqlite:////data/x.db"),
        ("DATABASE_URL", "postgres://u:p@h:5432/d", "database_url", "postgres://u:p@h:5432/d"),
        ("DATABASE_URL", " postgresql://h/d ", "database_url", "postgresql://h/d"),
        ("REDIS_URL", "redis://h:6379/1", "redis_url", "redis://h:6379/1"),
        ("REDIS_URL", "rediss://:p@h:6380", "redis_url", "rediss://:p@h:6380"),
        ("REDIS_URL", "unix:///run/redis.sock", "redis_url", "unix:///run/redis.sock"),
        ("DB_CONNECTIONS", "7", "db_connections", 7),
        ("WEB_CONCURRENCY", "1", "web_processes", 1),
        ("WEB_THREADS", "256", "web_threads", 256),
        ("TRUSTED_PROXIES", "1", "trusted_proxies", 1),
        ("RATE_LIMIT", "50/second", "rate_limit", "50/second"),
        ("RATE_LIMIT", "OFF", "rate_limit", ""),
        ("TENANT_RATE_FACTOR", "1", "tenant_rate_factor", 1),
        ("MAX_KEYS", "1000", "max_keys", 1_000),
        ("ATTEMPTS_LIMIT", "1000/day", "attempts_limit", "1000/day"),
        ("COMPUTE_WAIT_SECONDS", "0.5", "compute_wait_seconds", 0.5),
        ("SHARD_CUSTOMERS", "50", "shard_customers", 50),
        ("RUN_DEADLINE_HOURS", "0.01", "run_deadline_hours", 0.01),
        ("LEASE_SECONDS", "1.5", "lease_seconds", 1.5),
        ("NIGHTLY_AT", "23:59", "nightly_at", "23:59"),
        ("WORKER_RUNS_CRON", "true", "worker_runs_cron", True),
        ("RQ_DASHBOARD_USER", "ops", "rq_dashboard_user", "ops"),
        ("RQ_DASHBOARD_PASSWORD", "s p", "rq_dashboard_password", "s p"),
        ("METRICS_TOKEN", "m " * 8 + "t", "metrics_token", "m " * 8 + "t"),
        ("LOG_LEVEL", "debug", "log_level", "DEBUG"),
    ],
)
def test_each_variable_is_read(variable, text, field, value):
    found = from_env({variable: text})
    assert getattr(found, field) == value
    others = [f.name for f in fields(Settings) if f.name != field]
    assert [getattr(found, name) for name in others] == [
        getattr(Settings(), name) for name in others
    ]


@pytest.mark.parametrize(
    ("variable", "text", "limits"),
    [
        ("DB_CONNECTIONS", "6", "from 7 to 10000"),
        ("DB_CONNECTIONS", "10001", "from 7 to 10000"),
        ("DB_CONNECTIONS", "many", "from 7 to 10000"),
        ("DB_CONNECTIONS", "8.5", "from 7 to 10000"),
        ("WEB_CONCURRENCY", "0", "from 1 to 64"),
        ("WEB_THREADS", "1", "from 2 to 256"),
        ("TRUSTED_PROXIES", "-1", "from 0 to 10"),
        ("TRUSTED_PROXIES", "true", "from 0 to 10"),
        ("COMPUTE_WAIT_SECONDS", "29.1", "from 0 to 29"),
        ("COMPUTE_WAIT_SECONDS", "nan", "from 0 to 29"),
        ("SHARD_CUSTOMERS", "49", "from 50 to 1000000"),
        ("RUN_DEADLINE_HOURS", "0", "from 0.01 to 168"),
        ("RUN_DEADLINE_HOURS", "inf", "from 0.01 to 168"),
        ("LEASE_SECONDS", "0.9", "from 1 to 600"),
    ],
)
def test_a_number_out_of_its_range_is_refused_with_the_range(variable, text, limits):
    message = refused(variable, text)
    assert limits in message
    assert repr(text) in message


def test_other_wrong_values_are_refused_with_what_would_be_right():
    assert "true or false" in refused("REDIS_TLS_VERIFY", "maybe")
    assert "true or false" in refused("WORKER_RUNS_CRON", "yes")
    for text in ("24:00", "2:00", "02:60", "02:00:00", "noon"):
        assert "a UTC time of day such as 02:00" in refused("NIGHTLY_AT", text)
    for text in ("0/minute", "10", "10/fortnight", "-1/day", "1e3/day", "10/minute;5/second"):
        assert "like 6000/minute, or off" in refused("RATE_LIMIT", text)
    assert "DEBUG, INFO, WARNING, ERROR" in refused("LOG_LEVEL", "loud")
    for variable, least in (("METRICS_TOKEN", 16), ("SECRET_KEY", 32)):
        for secret in ("a", "s" * (least - 1)):
            message = refused(variable, secret)
            assert f"at least {least} random characters" in message and repr(secret) not in message
        assert from_env({variable: "s" * least})
    assert "sqlite, postgres, postgresql" in refused("DATABASE_URL", "mysql://h/d")
    assert "redis, rediss, unix" in refused("REDIS_URL", "http://h")


@pytest.mark.parametrize("variable", ["DATABASE_URL", "REDIS_URL"])
@pytest.mark.parametrize(
    "text", ["mysql://u:sesame@h/d", "u:sesame@h", "sesame", "redis//:sesame@h", "//u:sesame@h/d"]
)
def test_a_refused_url_shows_no_password(variable, text):
    assert "sesame" not in refused(variable, text)


@pytest.mark.parametrize("text", ["postgresql://u:ses[ame@h/d", "postgresql://u:ses\u2100ame@h/d"])
def test_a_url_that_cannot_be_parsed_is_refused_without_its_password(text):
    message = refused("DATABASE_URL", text)
    assert "ses" not in message and "ame" not in message


@pytest.mark.parametrize("text", ["false", "False", "0"])
def test_tls_verification_is_switched_off_only_on_request_and_only_with_tls(text):
    def redis_url(url):
        return from_env({"REDIS_URL": url, "REDIS_TLS_VERIFY": text}).redis_url

    assert redis_url("rediss://:p@h:6380") == "rediss://:p@h:6380?ssl_cert_reqs=none"
    assert redis_url("rediss://h/1?db=2") == "rediss://h/1?db=2&ssl_cert_reqs=none"
    assert redis_url("redis://h:6379/0") == "redis://h:6379/0"
    assert from_env({"REDIS_TLS_VERIFY": text}) == Settings()


@pytest.mark.parametrize("text", ["true", "1", ""])
def test_tls_is_verified_otherwise(text):
    found = from_env({"REDIS_URL": "rediss://h", "REDIS_TLS_VERIFY": text})
    assert found.redis_url == "rediss://h"


def test_the_launchers_redis_is_used_where_no_other_is_set(no_launcher):
    no_launcher.write_text("redis://127.0.0.1:7777/0\n")
    assert from_env({}).redis_url == "redis://127.0.0.1:7777/0"
    assert from_env({"REDIS_URL": "redis://h"}).redis_url == "redis://h"


@pytest.mark.parametrize(
    ("connections", "processes", "threads", "size"),
    [(20, 2, 8, 7), (20, 1, 8, 8), (30, 1, 8, 8), (20, 4, 8, 3), (7, 1, 8, 1), (7, 64, 8, 1)],
)
def test_the_pool_is_a_share_of_the_connections_and_at_most_one_a_thread(
    connections, processes, threads, size
):
    settings = Settings(db_connections=connections, web_processes=processes, web_threads=threads)
    assert settings.pool_size == size


def test_settings_cannot_be_changed():
    with pytest.raises(AttributeError):
        Settings().web_threads = 3
