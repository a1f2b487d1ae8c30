"""The use cases. The API, the dashboard, the command line and the jobs call them.

What they need (tenant, settings, queue) comes as arguments. They know no Flask, no SQL and no
camelCase.
"""
