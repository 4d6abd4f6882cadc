"""What the numbers mean: dimensions, conventions, rotations, statistics."""
