"""POST /clv/simulate: other settings, tried out."""
