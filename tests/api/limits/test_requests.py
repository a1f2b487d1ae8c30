"""What a caller sees of the limits, over the API and on the pages."""

from dataclasses import replace

import pytest

from app import create_app
from clv import db
from tests.api.limits.support import CLV, SETTINGS
from tests.api.pages import Visitor
from tests.api.test_errors import assert_is_an_error
from tests.api.test_headers import ORIGIN
from tests.conftest import DAY


def test_a_key_gets_exactly_its_limit_and_then_429(limited, headers):
    client, key, other = limited.test_client(), headers("viewer"), headers("viewer")
    for left in (4, 3, 2, 1, 0):
        answer = client.get(SETTINGS, headers=key)
        assert answer.status_code == 200
        assert answer.headers["RateLimit"].startswith(f'"default";r={left};t=')
        assert answer.headers["RateLimit-Policy"] == '"default";q=5;w=86400'
    for _ in range(3):
        answer = client.get(SETTINGS, headers=key)
        body = assert_is_an_error(answer, 429)
        assert body["status"] == "Too Many Requests" and "used up" in body["message"]
        seconds = int(answer.headers["Retry-After"])
        assert 0 < seconds <= DAY
        assert answer.headers["RateLimit"] == f'"default";r=0;t={seconds}'
    assert client.get(SETTINGS, headers=other).status_code == 200


def test_pages_and_the_api_are_counted_together(limited, headers):
    key, other = headers("viewer"), headers("viewer")
    # The sign-in is the first of the five.
    someone, client = Visitor(limited, key), limited.test_client()
    assert [someone.get("/jobs").status_code for _ in range(2)] == [200, 200]
    assert [client.get(SETTINGS, headers=key).status_code for _ in range(2)] == [200, 200]
    for path in ("/jobs", "/", "/data"):
        answer = someone.get(path)
        assert answer.status_code == 429 and "used up" in answer.text
        assert 0 < int(answer.headers["Retry-After"]) <= DAY
    assert client.get(SETTINGS, headers=key).status_code == 429
    assert Visitor(limited, other).get("/jobs").status_code == 200


def test_a_new_session_is_no_way_around_the_limit(limited, headers):
    key = headers("viewer")
    for _ in range(5):
        Visitor(limited, key)
    with pytest.raises(AssertionError):
        Visitor(limited, key)
    with db.scope():
        assert db.value("SELECT COUNT(*) FROM session") == 5


def test_who_is_over_the_limit_can_still_sign_out(limited, headers):
    someone = Visitor(limited, headers("viewer"))
    assert [someone.get("/jobs").status_code for _ in range(5)] == [200] * 4 + [429]
    assert someone.post("/sign-out").location == "/sign-in?notice=signed-out"
    assert someone.get("/jobs").location.startswith("/sign-in")


def test_all_keys_of_a_tenant_together_have_a_limit(app, settings, headers):
    few = create_app(replace(settings, rate_limit="5/day", tenant_rate_factor=2))
    client, mine = few.test_client(), [headers("viewer") for _ in range(4)]
    theirs = headers("viewer", "other")
    statuses = [[client.get(SETTINGS, headers=key).status_code for _ in range(4)] for key in mine]
    assert statuses == [[200] * 4, [200] * 4, [200, 200, 429, 429], [429] * 4]
    answer = client.get(SETTINGS, headers=headers("admin"))
    body = assert_is_an_error(answer, 429)
    assert "all keys of this tenant together, 10 requests a day" in body["message"]
    assert answer.headers["RateLimit"] == f'"default";r=0;t={answer.headers["Retry-After"]}'
    assert client.get(SETTINGS, headers=theirs).status_code == 200


def test_what_is_left_is_the_less_of_both(app, settings, headers):
    few = create_app(replace(settings, rate_limit="5/day", tenant_rate_factor=1))
    client, first, second = few.test_client(), headers("viewer"), headers("viewer")
    client.get(SETTINGS, headers=first)
    answer = client.get(SETTINGS, headers=second)
    assert answer.headers["RateLimit"].startswith('"default";r=3;')


def test_what_is_refused_counts_unless_the_key_was_not_right(limited, headers):
    client, key = limited.test_client(), headers("viewer")
    wrong = {"Authorization": key["Authorization"][:-1]}
    for _ in range(10):
        answer = client.get(SETTINGS, headers=wrong)
        assert answer.status_code == 401 and "RateLimit" not in answer.headers
    tried = [
        client.get(CLV, headers=key),
        client.put(SETTINGS, headers=key, json={}),
        client.get(SETTINGS, headers={**key, "X-Tenant-Id": "other"}),
        client.get("/api/v1/clv/records?nonsense=1", headers=key),
    ]
    assert [answer.status_code for answer in tried] == [404, 403, 403, 400]
    assert all("RateLimit" in answer.headers for answer in tried)
    assert client.get(SETTINGS, headers=key).status_code == 200
    assert client.put(SETTINGS, headers=key, json={}).status_code == 429, "before the role"


def test_other_origins_may_read_what_is_left(limited, headers):
    answer = limited.test_client().get(SETTINGS, headers={**headers(), "Origin": ORIGIN})
    exposed = answer.headers["Access-Control-Expose-Headers"]
    assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(exposed.split(", "))


def test_the_limit_is_documented_with_each_endpoint(client):
    paths = client.get("/api/openapi.json").json["paths"]
    secured = [one for path in paths.values() for one in path.values() if "security" in one]
    assert len(secured) > 20
    for operation in secured:
        assert operation["responses"]["429"]["headers"]["Retry-After"]["required"]
        assert {"RateLimit", "RateLimit-Policy"} <= set(operation["responses"]["429"]["headers"])


def test_switched_off_there_is_no_limit_and_no_header(settings, app, headers):
    client = create_app(replace(settings, rate_limit="")).test_client()
    answer = client.get(SETTINGS, headers=headers())
    assert answer.status_code == 200 and "RateLimit" not in answer.headers
