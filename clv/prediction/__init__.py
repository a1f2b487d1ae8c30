"""The prediction models, a file per model, and their backtest. Pure: no I/O."""
