"""POST /transactions/preview and PUT /transactions: choices, questions, and shops' own exports."""
