"""Somebody at a browser without scripts, who has signed in."""

import re

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

ORIGIN = {"Origin": "http://localhost"}


class Visitor:
    """A session of the dashboard."""

    def __init__(self, app, authorization: dict[str, str]) -> None:
        """Sign in with the key of these headers."""
        # The pages are in no OpenAPI document.
        self.client = FlaskClient(app, app.response_class)
        key = authorization["Authorization"].split()[1]
        assert self.post("/sign-in", key=key).status_code == 303

    def get(self, path: str, **headers: str) -> TestResponse:
        """A page."""
        return self.client.get(path, headers=headers)

    def token(self) -> str:
        """What the forms of this session carry."""
        text = self.client.get("/sign-in").text
        return re.search(r'name="form_token" value="(\w+)"', text).group(1)

    def post(self, path: str, **form: str) -> TestResponse:
        """Send a form of ours."""
        return self.client.post(path, data={"form_token": self.token(), **form}, headers=ORIGIN)

    def put(self, path: str, body: bytes, kind: str = "text/csv") -> TestResponse:
        """Send a file as our script does."""
        return self.send("PUT", path, body, kind)

    def preview(self, query: str, body: bytes, kind: str = "text/csv") -> TestResponse:
        """Have a file looked at as our script does."""
        return self.send("POST", f"/data/preview?{query}", body, kind)

    def send(self, method: str, path: str, body: bytes, kind: str) -> TestResponse:
        """Send a file with this method."""
        headers = {**ORIGIN, "X-Form-Token": self.token(), "HX-Request": "true"}
        return self.client.open(path, method=method, data=body, content_type=kind, headers=headers)
