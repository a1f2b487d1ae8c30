"""A tenant's settings and API keys."""

from typing import Any

from flask.views import MethodView

from clv.api.paging import BY_ID, paginated
from clv.api.schemas.keys import CreatedKey, KeyList, KeyQuery, NewKey
from clv.api.schemas.settings import ServedSettings, SettingsChange
from clv.auth import keys
from clv.auth.principal import Role
from clv.http.access import ClvBlueprint, principal
from clv.http.application import components
from clv.services import settings
from clv.store.api_keys import ApiKey

blp = ClvBlueprint("tenant", __name__, url_prefix="/api/v1", description="Settings and keys")

_KEY_ID = {"in": "path", "name": "keyId", "required": True, "schema": {"type": "string"}}


@blp.route("/settings")
class Settings(MethodView):
    """The settings of the tenant's scores."""

    @blp.named("getSettings")
    @blp.access(Role.VIEWER)
    @blp.response(200, ServedSettings)
    def get(self) -> settings.ServedSettings:
        """Read the settings, and which model serves"""
        return settings.served_settings(principal().tenant)

    @blp.named("changeSettings")
    @blp.access(Role.ADMIN, 400, 413, 415)
    @blp.arguments(SettingsChange)
    @blp.response(200, ServedSettings)
    def put(self, changes: dict[str, Any]) -> settings.ServedSettings:
        """Change settings

        Those left out stay as they are. Stored scores change with the next run. Stored summaries
        stay on the days that they were loaded for: after a change of timeZone, load the files again
        with replace.
        """
        tenant = settings.change_settings(principal().tenant, changes)
        return settings.served_settings(tenant)


@blp.route("/api-keys")
class ApiKeys(MethodView):
    """The tenant's API keys."""

    @blp.named("listApiKeys")
    @blp.access(Role.ADMIN, 400)
    @paginated(blp, KeyList, BY_ID, query=KeyQuery)
    def get(self, after: int | None, limit: int) -> list[ApiKey]:
        """List the API keys, oldest first

        Revoked and expired keys are listed for 90 days, but no more than ten times as many as a
        tenant may have.
        """
        return keys.page(principal().tenant.id, after, limit)

    @blp.named("createApiKey")
    @blp.access(Role.ADMIN, 400, 409, 413, 415)
    @blp.arguments(NewKey)
    @blp.response(201, CreatedKey)
    def post(self, new: dict[str, Any]) -> keys.CreatedKey:
        """Create an API key

        The token is shown this once; stored is only a hash of its secret. 409: the tenant has as
        many valid keys as it may. 429: or it has created so many within an hour.
        """
        most = components().settings.max_keys
        return keys.create_key_of_tenant(principal().tenant, **new, most=most)


@blp.route("/api-keys/<keyId>", parameters=[_KEY_ID])
class ApiKeyById(MethodView):
    """One API key."""

    @blp.named("revokeApiKey")
    @blp.access(Role.ADMIN, 404, 409)
    @blp.response(204)
    def delete(self, keyId: str) -> None:
        """Revoke an API key for good

        409: it is the tenant's last admin key.
        """
        keys.revoke_key_of_tenant(principal().tenant, keyId)
