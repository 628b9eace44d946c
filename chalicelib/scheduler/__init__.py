"""Schedules: what came due is written into the occurrence ledger and started, each planned instant once.

Start reading at plan.py (which instants run and which do not, pure), then service.py (one batch of triggers), then tick.py (once a second, for a minute).
"""
