"""GET /clv/cohorts: customers by their first conversion."""
