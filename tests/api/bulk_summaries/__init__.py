"""PUT /interaction-summaries: files of any size."""
