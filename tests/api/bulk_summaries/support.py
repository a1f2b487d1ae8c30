"""Files of summaries, and what is stored of them."""

import random

from clv import db

URL = "/api/v1/interaction-summaries"
NDJSON = "application/x-ndjson"
HEADER = "customerId,periodType,periodKey,offerId,impressions,totalValue,lastContactAt\n"
LINE = "a,daily,2026-04-30,,3,10.5,2026-04-30T09:15:00Z\n"
# A hundred customers with an offer a day, in no order.
NAMES = [f"c{n:03}" for n in range(100)]
MANY = HEADER + "".join(
    f"{name},daily,2026-04-{day:02},o{day % 3},{day},{day / 4},2026-04-{day:02}T09:15:00Z\n"
    for day in range(1, 29)
    for name in random.Random(day).sample(NAMES, 100)
)


def stored(tenant: str = "acme") -> list[tuple]:
    """All rows of a tenant, in the order of their keys."""
    with db.scope():
        return db.rows(
            "SELECT customer_id, period_key, offer_id, creative_id, channel_id, impressions,"
            " converts, total_value, first_contact_ms, last_contact_ms FROM interaction_summary"
            " WHERE tenant_id = (SELECT id FROM tenant WHERE name = %s) ORDER BY 1, 2, 3, 4, 5",
            (tenant,),
        )


def of_acme(column: str):
    """A column of the tenant acme."""
    with db.scope():
        return db.value(f"SELECT {column} FROM tenant WHERE name = 'acme'")
