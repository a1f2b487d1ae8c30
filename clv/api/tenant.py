"""A tenant's settings and API keys."""

from typing import Any

from flask.views import MethodView

from clv.api.schemas.keys import CreatedKey, KeyList, NewKey
from clv.api.schemas.settings import ServedSettings, SettingsChange
from clv.auth import keys, tokens
from clv.auth.principal import Role
from clv.domain.settings import MODEL_NAMES, ScoreSettings
from clv.http.access import ClvBlueprint, principal
from clv.services import snapshots
from clv.services.settings import change_settings
from clv.store.api_keys import ApiKey
from clv.store.tenants import Tenant

blp = ClvBlueprint("tenant", __name__, url_prefix="/api/v1", description="Settings and keys")

_KEY_ID = {"in": "path", "name": "keyId", "required": True, "schema": {"type": "string"}}


@blp.route("/settings")
class Settings(MethodView):
    """The settings of the tenant's scores."""

    @blp.access(Role.VIEWER)
    @blp.response(200, ServedSettings)
    def get(self) -> dict[str, Any]:
        """Read the settings, and which model serves"""
        return _served(principal().tenant)

    @blp.access(Role.ADMIN, 400, 413, 415)
    @blp.arguments(SettingsChange)
    @blp.response(200, ServedSettings)
    def put(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Change settings

        Those left out stay as they are. Stored scores change with the next run.
        """
        return _served(change_settings(principal().tenant, changes))


@blp.route("/api-keys")
class ApiKeys(MethodView):
    """The tenant's API keys."""

    @blp.access(Role.ADMIN)
    @blp.response(200, KeyList)
    def get(self) -> dict[str, Any]:
        """List the API keys, oldest first"""
        return {"data": [_key(key) for key in keys.keys_of_tenant(principal().tenant)]}

    @blp.access(Role.ADMIN, 400, 413, 415)
    @blp.arguments(NewKey)
    @blp.response(201, CreatedKey)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Create an API key

        The token is shown this once; stored is only a hash of its secret.
        """
        tenant, role = principal().tenant, Role.parse(body["role"])
        token = keys.create_key(tenant, role, body["label"], body["expiresDays"])
        created = next(
            key for key in keys.keys_of_tenant(tenant) if key.public == tokens.public_part(token)
        )
        return {**_key(created), "token": token}


@blp.route("/api-keys/<keyId>", parameters=[_KEY_ID])
class ApiKeyById(MethodView):
    """One API key."""

    @blp.access(Role.ADMIN, 404, 409)
    @blp.response(204)
    def delete(self, keyId: str) -> None:
        """Revoke an API key for good

        409: it is the tenant's last admin key.
        """
        keys.revoke_key_of_tenant(principal().tenant, keyId)


def settings_view(tenant: Tenant) -> dict[str, Any]:
    """The settings of a tenant as the API shows them."""
    return {
        **score_settings_view(tenant.settings),
        "model": tenant.settings.model,
        "currency": tenant.currency,
    }


def score_settings_view(settings: ScoreSettings) -> dict[str, Any]:
    """The settings of scores as the API shows them."""
    recency, frequency, monetary = settings.weights
    return {
        "weights": {"recency": recency, "frequency": frequency, "monetary": monetary},
        "atRiskDays": settings.at_risk_days,
        "lifespanMonths": settings.lifespan_months,
        "minTenureMonths": settings.min_tenure_months,
        "churnHorizonDays": settings.churn_horizon_days,
    }


def _served(tenant: Tenant) -> dict[str, Any]:
    serving = snapshots.serving(tenant)
    return {
        **settings_view(tenant),
        "servingModel": MODEL_NAMES[serving.model],
        "servingReason": serving.reason,
        "fittedAt": serving.as_of_ms,
    }


def _key(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.public,
        "role": key.role,
        "label": key.label,
        "createdAt": key.created_ms,
        "expiresAt": key.expires_ms,
        "revokedAt": key.revoked_ms,
        "lastUsedAt": key.last_used_ms,
    }
