"""The HTTP face: one blueprint a file, thin views over ``clv.services``."""
