"""What the columns of a file of transactions mean: mappings, profiles, proposals."""
