"""What goes into and out of the API, as marshmallow schemas: a file per resource, as in
``clv.api``. No schema touches the database."""
