"""What can stand in a workflow: node types and trigger types, described once for the validator, the engine, the API and the builder's forms."""
