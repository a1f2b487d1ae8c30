"""``clv keys``."""

import hashlib
import re
import subprocess
import sys
import zlib

import pytest

from clv import db
from clv.config import ROOT
from tests.api.support import row
from tests.conftest import environment
from tests.unit.cli.support import table

CLV = "/api/v1/customers/a/clv"


@pytest.mark.parametrize("role", ["viewer", "editor", "admin"])
def test_a_new_key_is_a_token_alone_on_standard_output(client, load, run, role):
    load(row("a", 1))
    done = run("keys", "create", "--tenant", "acme", "--role", role)
    assert re.fullmatch(r"clv_[0-9A-Za-z]{12}_[0-9A-Za-z]{39}\n", done.stdout)
    headers = {"Authorization": f"Bearer {done.stdout.strip()}"}
    assert client.get(CLV, headers=headers).status_code == 200
    assert client.post(CLV, headers=headers).status_code == (403 if role == "viewer" else 200)


def test_of_a_key_only_a_digest_of_its_secret_is_stored(tenant, run):
    token = run("keys", "create", "--tenant", "acme", "--role", "viewer").stdout.strip()
    public, secret = token[4:16], token[17:50]
    with db.scope():
        [stored] = db.rows("SELECT * FROM api_key")
    assert hashlib.sha256(secret.encode()).hexdigest() in stored
    assert public in stored
    assert not [value for value in stored if secret[:8] in str(value) or token[-6:] in str(value)]


def test_a_token_ends_with_its_checksum(tenant, run):
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    token = run("keys", "create", "--tenant", "acme", "--role", "viewer").stdout.strip()
    number = 0
    for digit in token[-6:]:
        number = number * 62 + digits.index(digit)
    assert number == zlib.crc32(token[4:-6].encode())


def test_keys_are_listed_without_their_secrets(tenant, run):
    create = ("keys", "create", "--tenant", "acme", "--role")
    first = run(*create, "viewer", "--label", "the shop", "--expires-days", "7").stdout
    second = run(*create, "admin").stdout
    third = run(*create, "editor").stdout
    run("keys", "revoke", second[4:16])
    with db.scope():
        db.execute("UPDATE api_key SET expires_ms = 1 WHERE public = %s", (third[4:16],))
    listed = run("keys", "list", "--tenant", "acme").stdout
    assert [(key["public"], key["role"], key["state"], key["label"]) for key in table(listed)] == [
        (first[4:16], "viewer", "active", "the shop"),
        (second[4:16], "admin", "revoked", ""),
        (third[4:16], "editor", "expired", ""),
    ]
    assert table(listed)[1]["expires"] == "never"
    assert not [token for token in (first, second, third) if token[17:25] in listed]


def test_keys_of_other_tenants_are_not_listed(tenant, run):
    run("tenants", "create", "other")
    run("keys", "create", "--tenant", "other", "--role", "viewer")
    assert table(run("keys", "list", "--tenant", "acme").stdout) == []


@pytest.mark.parametrize("name_of", [lambda t: t[4:16], lambda t: t], ids=["public", "token"])
def test_a_revoked_key_opens_nothing_any_more(client, load, run, name_of):
    load(row("a", 1))
    create = ("keys", "create", "--tenant", "acme", "--role", "viewer")
    token, other = (run(*create).stdout.strip() for _ in range(2))
    statuses = []
    for _ in range(2):
        run("keys", "revoke", name_of(token))
        for key in (token, other):
            answer = client.get(CLV, headers={"Authorization": f"Bearer {key}"})
            statuses.append(answer.status_code)
    assert statuses == [401, 200] * 2


@pytest.mark.parametrize("key", ["nothing", "0" * 12, "' OR 1=1 --"])
def test_revoking_a_key_that_does_not_exist_is_an_error(tenant, refused, key):
    assert "There is no" in refused("keys", "revoke", key)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--role", "owner"), 2),
        ((), 2),
        (("--role", "viewer", "--expires-days", "0"), 2),
        (("--role", "viewer", "--label", "x" * 129), 1),
        (("--role", "viewer", "--label", "a\nb"), 1),
    ],
)
def test_a_key_with_bad_options_is_not_created(tenant, run, refused, options, code):
    refused("keys", "create", "--tenant", "acme", *options, code=code)
    assert table(run("keys", "list", "--tenant", "acme").stdout) == []


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_keys_are_listed_whatever_the_terminal_can_show(settings, tenant, run, encoding):
    run("keys", "create", "--tenant", "acme", "--role", "viewer", "--label", "at night \u2603")
    command = [sys.executable, "-m", "flask", "keys", "list", "--tenant", "acme"]
    shown = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(settings, LC_ALL="C", PYTHONIOENCODING=encoding),
        capture_output=True,
    )
    assert shown.returncode == 0, shown.stderr
    assert b"at night " in shown.stdout
    assert (b"\\u2603" in shown.stdout) == (encoding == "latin-1")
