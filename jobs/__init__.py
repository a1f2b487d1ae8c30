"""The queue side of the service: RQ jobs, their queue and their worker. It does not know Flask."""
