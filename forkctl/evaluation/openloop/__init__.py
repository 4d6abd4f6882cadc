"""Ask a policy about held-out demonstrations, keep what it said, and measure that."""
