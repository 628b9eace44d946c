"""The version of Millrace, as it introduces itself to servers; the same as in pyproject.toml, which a test compares."""

VERSION = "0.1.0"
