"""Node types, one file each: a config model, a `run` and a SPEC that describes both. The registry finds them by their SPEC."""
