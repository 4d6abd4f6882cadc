"""Ask a policy about held-out demonstrations, record its answers, and score them."""
