"""Forms: our token, and the role that a change needs."""

import pytest

from tests.api.dashboard.support import ORIGIN, sign_in, token_of
from tests.api.support import row


def test_a_form_without_our_token_or_from_another_site_changes_nothing(client, key):
    sign_in(client, key())
    token = token_of(client)
    for form, headers in (
        ({}, ORIGIN),
        ({"form_token": "x"}, ORIGIN),
        ({"form_token": "\u00e9"}, ORIGIN),
        ({"form_token": token}, {"Origin": "http://evil.example"}),
        ({"form_token": token}, {"Origin": "null"}),
        ({"form_token": token}, {}),
    ):
        answer = client.post("/sign-out", data=form, headers=headers)
        assert answer.status_code == 403, (form, headers)
    assert client.get("/").status_code == 200


def test_the_token_of_another_session_is_refused(app, client, key):
    other = app.test_client()
    sign_in(client, key())
    answer = client.post("/sign-out", data={"form_token": token_of(other)}, headers=ORIGIN)
    assert answer.status_code == 403


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("editor", 303), ("admin", 303)])
def test_a_role_that_is_too_low_is_refused_whatever_the_page_offers(
    client, key, load, role, status
):
    load(row("ann", 3, value=10))
    sign_in(client, key(role))
    assert ("Recompute" in client.get("/customers/ann").text) == (status == 303)
    form = {"form_token": token_of(client)}
    answer = client.post("/customers/ann/recompute", data=form, headers=ORIGIN)
    assert answer.status_code == status
    if status == 403:
        assert "Not with this key" in answer.text and "editor or higher" in answer.text
