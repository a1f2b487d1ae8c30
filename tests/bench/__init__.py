"""Speed, side by side with references in one run, as ratios: ``make bench``."""
