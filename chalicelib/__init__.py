"""Millrace's services. Imports point down; see ARCHITECTURE.md for the order."""
