"""The files that the pages load. The address of each changes with its content, so that browsers
may keep it for ever; it is compressed once."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Response, request, url_for
from werkzeug.exceptions import NotFound

from clv.dashboard.blueprint import blp

FOLDER = Path(__file__).parent / "static"
_KINDS = (".css", ".js", ".svg")
_FOR_EVER = "public, max-age=31536000, immutable"
_VERSION_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    content: bytes
    zipped: bytes
    mimetype: str
    version: str


@cache
def assets() -> dict[str, Asset]:
    """All files by their paths."""
    paths = (path for path in sorted(FOLDER.rglob("*")) if path.suffix in _KINDS)
    return {path.relative_to(FOLDER).as_posix(): _asset(path) for path in paths}


@blp.app_template_global("asset")
def address(name: str) -> str:
    """Where a browser loads this file."""
    return url_for("dashboard.asset", version=assets()[name].version, name=name)


@blp.get("/static/<version>/<path:name>", endpoint="asset")
def send_asset(version: str, name: str) -> Response:
    """A file as it is now. If the address is that of another version, browsers don't keep it."""
    asset = assets().get(name)
    if asset is None:
        raise NotFound
    zipped = request.accept_encodings["gzip"] > 0
    response = Response(asset.zipped if zipped else asset.content, mimetype=asset.mimetype)
    if zipped:
        response.content_encoding = "gzip"
    response.vary.add("Accept-Encoding")
    response.headers["Cache-Control"] = _FOR_EVER if version == asset.version else "no-cache"
    return response


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(
        content,
        gzip.compress(content, mtime=0),
        mimetypes.types_map[path.suffix],
        hashlib.sha256(content).hexdigest()[:_VERSION_LENGTH],
    )
