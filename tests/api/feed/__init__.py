"""The feed: who follows it has the service's customers."""
