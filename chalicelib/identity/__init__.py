"""Who is calling: API keys, their roles, and what a role may do."""
