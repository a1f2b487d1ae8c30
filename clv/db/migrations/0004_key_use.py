"""When each API key was last used."""


def up(migrator, db):
    db.execute_sql("ALTER TABLE api_key ADD COLUMN last_used_ms BIGINT")
