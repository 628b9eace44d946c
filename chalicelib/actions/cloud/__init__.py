"""What the nodes that call AWS have in common."""
