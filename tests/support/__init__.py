"""Helpers of the tests: factories named after states, and small real servers."""
