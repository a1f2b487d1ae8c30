"""The API: a blueprint per resource, with thin views over ``clv.services``."""
