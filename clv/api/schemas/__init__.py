"""What goes in and out of the API, as marshmallow schemas: one file a resource, as in ``clv.api``.
No schema touches the database."""
