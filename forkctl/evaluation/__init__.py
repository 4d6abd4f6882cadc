"""Open-loop evaluation: what a policy predicts on held-out demos, beside trivial policies."""
