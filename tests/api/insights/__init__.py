"""GET /clv/summary, its history, /clv/changes and a customer's history."""
