"""Credential types, one file each: a model of its fields, how it is used, and a SPEC that describes both. The catalogue finds them by their SPEC."""
