"""The kernel: configuration, errors, ids, time, JSON, PostgreSQL, Redis, logging, metrics and expressions. It knows nothing of workflows."""
