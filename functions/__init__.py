"""Lambda entry points other than the REST API. Each module has one `handler`; manifest.py lists them all."""
