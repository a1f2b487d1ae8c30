"""How readers of the feed find the customer of a removal."""

import hmac


def hmac_of(key: str, customer_id: str) -> str:
    """What a removal has for this customer, as the documentation says it."""
    return hmac.digest(bytes.fromhex(key), customer_id.encode(), "sha256").hex()
