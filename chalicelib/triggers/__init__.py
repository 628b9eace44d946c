"""Triggers: what starts executions. One file per type under `types`, one service for all, and the doors through which HTTP and Kafka come in."""
