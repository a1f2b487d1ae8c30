"""Files of interaction summaries."""
