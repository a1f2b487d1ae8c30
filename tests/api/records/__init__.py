"""GET /clv/records: pages and files of the scored customers."""
