"""What goes on when Redis or the database is down, silent, slow or full, and what comes back."""
