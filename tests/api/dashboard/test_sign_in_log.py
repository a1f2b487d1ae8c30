"""What the log says of signing in and out: who, with which key, and from where."""

import logging
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from app import create_app
from clv import db
from clv.auth import keys, tokens
from tests.api.dashboard.support import sign_in, sign_out
from tests.conftest import ON_ONE_DATABASE

ADDRESS = "192.0.2.7"


@pytest.fixture
def client(client):
    """A browser at this address."""
    client.environ_base["REMOTE_ADDR"] = ADDRESS
    return client


@pytest.fixture
def logged(caplog):
    """The fields of the lines of an event."""
    caplog.set_level(logging.INFO, "clv")
    return lambda event: [one.fields for one in caplog.records if one.getMessage() == event]


def test_signing_in_and_out_is_logged_with_tenant_key_and_address(client, key, logged):
    token = key()
    sign_in(client, token)
    expected = {"tenant": "acme", "key": tokens.public_part(token), "address": ADDRESS}
    assert logged("sign_in") == [expected]
    sign_out(client)
    assert logged("sign_out") == [expected]
    assert not logged("sign_in.refused")


def test_a_refused_sign_in_names_the_key_and_its_tenant_if_there_is_one(client, key, logged):
    token = key()
    public = tokens.public_part(token)
    with db.scope():
        keys.revoke_key(public)
    guessed = str(tokens.Token(public, "A" * tokens.SECRET_LENGTH))
    unknown = str(tokens.new())
    for sent in (token, guessed, unknown, "not a key"):
        assert sign_in(client, sent).status_code == 401
    assert [(one["tenant"], one["key"]) for one in logged("sign_in.refused")] == [
        ("acme", public),
        ("acme", public),
        ("", tokens.public_part(unknown)),
        ("", ""),
    ]
    assert {one["address"] for one in logged("sign_in.refused")} == {ADDRESS}
    assert not logged("sign_in")


def test_what_was_sent_as_a_key_is_not_in_the_log(client, key, logged, caplog):
    token = key()
    sign_in(client, token)
    sign_in(client, f"{token}x")
    lines = [f"{one.getMessage()} {getattr(one, 'fields', '')}" for one in caplog.records]
    assert lines and token.split("_")[2] not in "\n".join(lines)


def test_a_sign_in_refused_for_too_many_failures_is_logged_too(app, settings, logged):
    strict = create_app(replace(settings, attempts_limit="1/day"))
    client = FlaskClient(strict, strict.response_class)
    client.environ_base["REMOTE_ADDR"] = "2001:db8::7"
    assert sign_in(client, "wrong").status_code == 401
    assert sign_in(client, "wrong").status_code == 429
    assert [one["address"] for one in logged("sign_in.refused")] == ["2001:db8::7"] * 2


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    ("sent", "address"),
    [('x"\n{"event": "sign_in"', ""), ('fe80::7%"\n{"event": "sign_in"', "fe80::7")],
)
def test_a_forged_address_is_not_in_the_log(client, key, logged, sent, address):
    client.environ_base["REMOTE_ADDR"] = sent
    sign_in(client, key())
    assert [one["address"] for one in logged("sign_in")] == [address]
