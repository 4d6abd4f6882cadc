"""A series of patches as commits, and the tree that they make."""
