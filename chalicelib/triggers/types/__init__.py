"""The trigger types, one file each with a SPEC; the registry finds them by that name."""
