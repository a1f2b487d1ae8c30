"""Every query of the service. Plain dataclasses go in and out.

Whoever takes several locks takes them in this order, so that PostgreSQL never deadlocks: the
tenant's row, its active runs, a shard, its summaries, its records sorted by customer id.

A single statement is a transaction of its own on both databases. ``db.transaction`` is for more.
"""
