"""The calibrated model behind the ten fields."""
