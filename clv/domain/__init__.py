"""Pure arithmetic: scores, distributions, the calendar, and what a value may be. No I/O."""
