"""Signing in, with the token of a form."""

import re

from clv import db
from clv.auth import authentication

ORIGIN = {"Origin": "http://localhost"}


def token_of(client):
    """The token of the forms of a client's session."""
    text = client.get("/sign-in").text
    return re.search(r'name="form_token" value="(\w+)"', text).group(1)


def sign_in(client, key, **more):
    """Send the form with this key."""
    form = {"key": key, "form_token": token_of(client), **more}
    return client.post("/sign-in", data=form, headers=ORIGIN)


def sign_out(client, **more):
    """Send the form that ends a session."""
    form = {"form_token": token_of(client), **more}
    return client.post("/sign-out", data=form, headers=ORIGIN)


def secret():
    """What the cookies are signed with."""
    with db.scope():
        return authentication.shared_secret()
