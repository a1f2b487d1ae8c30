"""The first schema: a frozen copy of the models, and the physical layout for each database."""

from peewee import (
    SQL,
    BigAutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    Check,
    CompositeKey,
    DoubleField,
    ForeignKeyField,
    IntegerField,
    Model,
    SqliteDatabase,
    TextField,
)


def up(migrator, db):
    on_sqlite = isinstance(db, SqliteDatabase)

    class Key(TextField):
        """Text sorted by bytes, as SQLite and Python sort it."""

        def ddl(self, ctx):
            column = super().ddl(ctx)
            if not on_sqlite:
                column.nodes += (SQL('COLLATE "C"'),)
            return column

    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Tenant(Table):
        name = Key(unique=True)
        created_ms = BigIntegerField()
        weight_recency = DoubleField()
        weight_frequency = DoubleField()
        weight_monetary = DoubleField()
        at_risk_days = IntegerField()
        lifespan_months = IntegerField()
        min_tenure_months = IntegerField()
        currency = TextField()
        period_type = TextField(null=True)
        customers = BigIntegerField()
        snapshot_id = BigIntegerField(null=True)
        snapshot_lease_ms = BigIntegerField()
        nightly_ms = BigIntegerField()

    class ApiKey(Table):
        public = Key(unique=True)
        secret_sha256 = TextField()
        tenant = ForeignKeyField(Tenant, on_delete="CASCADE")
        role = TextField()
        label = TextField()
        created_ms = BigIntegerField()
        expires_ms = BigIntegerField(null=True)
        revoked_ms = BigIntegerField(null=True)

    class InteractionSummary(Table):
        tenant_id = IntegerField()
        customer_id = Key()
        period_key = Key()
        offer_id = Key()
        creative_id = Key()
        channel_id = Key()
        impressions = BigIntegerField(constraints=[Check("impressions BETWEEN 0 AND 1000000000")])
        converts = BigIntegerField(constraints=[Check("converts BETWEEN 0 AND 1000000000")])
        total_value = BigIntegerField(
            constraints=[Check("total_value BETWEEN -10000000000000 AND 10000000000000")]
        )
        first_contact_ms = BigIntegerField()
        last_contact_ms = BigIntegerField()

        class Meta:
            without_rowid = on_sqlite
            primary_key = CompositeKey(
                "tenant_id", "customer_id", "period_key", "offer_id", "creative_id", "channel_id"
            )

    class ClvRecord(Table):
        tenant_id = IntegerField()
        customer_id = Key()
        score = DoubleField()
        predicted_revenue = BigIntegerField()
        churn_probability = DoubleField()
        recency_days = IntegerField()
        frequency = BigIntegerField()
        monetary = BigIntegerField()
        segment = TextField()
        computed_ms = BigIntegerField()
        run_id = BigIntegerField(null=True)

        class Meta:
            without_rowid = on_sqlite
            primary_key = CompositeKey("tenant_id", "customer_id")

    class Snapshot(Table):
        id = BigAutoField()
        tenant = ForeignKeyField(Tenant, on_delete="CASCADE")
        tenant_customers = BigIntegerField()
        as_of_ms = BigIntegerField()
        customers = BigIntegerField()
        p25 = DoubleField()
        p75 = DoubleField()
        breakpoints = BlobField()
        settings = TextField()

    class Run(Table):
        id = BigAutoField()
        job_id = Key(unique=True)
        tenant = ForeignKeyField(Tenant, on_delete="CASCADE", index=False)
        segment = TextField(null=True)
        status = TextField()
        requested_by = TextField()
        created_ms = BigIntegerField()
        started_ms = BigIntegerField(null=True)
        finished_ms = BigIntegerField(null=True)
        deadline_ms = BigIntegerField()
        snapshot_id = BigIntegerField(null=True)
        total = BigIntegerField(null=True)
        planned = BooleanField()
        plan_attempt = IntegerField()
        plan_lease_ms = BigIntegerField()
        erasures = IntegerField()
        message = TextField(null=True)

        class Meta:
            indexes = ((("tenant_id", "id"), False),)

    for status in ("running", "queued"):
        Run.add_index(
            Run.index(
                Run.tenant,
                unique=True,
                name=f"run_one_{status}",
                where=SQL(f"status = '{status}'"),
            )
        )

    class Shard(Table):
        id = BigAutoField()
        run = ForeignKeyField(Run, on_delete="CASCADE")
        cursor = Key()
        until_key = Key(null=True)
        done = BooleanField()
        computed = BigIntegerField()
        errors = BigIntegerField()
        attempt = IntegerField()
        lease_ms = BigIntegerField()
        stuck = IntegerField()

    class RunError(Table):
        run = ForeignKeyField(Run, on_delete="CASCADE", index=False)
        customer_id = Key()
        message = TextField()

        class Meta:
            primary_key = CompositeKey("run", "customer_id")

    db.create_tables(
        [Tenant, ApiKey, InteractionSummary, ClvRecord, Snapshot, Run, Shard, RunError]
    )
    if not on_sqlite:
        _cover_the_totals(db)


def _cover_the_totals(db):
    """Include in the primary key's index what the totals need. Reading a range of customers from a
    heap in the order of arrival takes 3 to 4 times as long; a second index takes more space."""
    db.execute_sql(
        "ALTER TABLE interaction_summary DROP CONSTRAINT interaction_summary_pkey,"
        " ADD PRIMARY KEY"
        " (tenant_id, customer_id, period_key, offer_id, creative_id, channel_id)"
        " INCLUDE (impressions, total_value, first_contact_ms, last_contact_ms)"
    )
