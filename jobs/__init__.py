"""The queue side of the service: RQ jobs, their queue, their worker. No flask in here."""
