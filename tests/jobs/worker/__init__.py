"""The worker process, the sweep and the schedule."""
