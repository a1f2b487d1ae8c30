"""The web process: gunicorn's gthread with another way of waiting (:mod:`.worker`)."""
