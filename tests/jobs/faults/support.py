"""How often each guard is tried, and on how many customers."""

import os

TRIALS = int(os.environ.get("CHAOS_TRIALS", "10"))
CUSTOMERS = 900
CHUNKS = CUSTOMERS // 50
