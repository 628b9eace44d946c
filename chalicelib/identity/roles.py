"""Roles, weakest first. A role may do what it is named for and everything the weaker ones may; an unknown role may do nothing."""

from __future__ import annotations

VIEWER, OPERATOR, EDITOR, ADMIN = ROLES = ("viewer", "operator", "editor", "admin")


def allows(role: str, needed: str) -> bool:
    """Whether `role` may do what asks for `needed`. Anything not in ROLES, on either side, means no."""
    return role in ROLES and needed in ROLES and ROLES.index(role) >= ROLES.index(needed)
