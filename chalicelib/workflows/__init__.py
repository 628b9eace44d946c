"""Workflows: drafts, the immutable versions made from them, and their way in and out as documents."""
