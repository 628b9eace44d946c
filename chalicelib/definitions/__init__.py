"""The workflow language `millrace/1`: its form, its rules, and the graph made of it. Pure; node types are known only through a protocol."""
