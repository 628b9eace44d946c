"""Documentation that is made of the code: a page for each node type, and the functions of expressions."""
