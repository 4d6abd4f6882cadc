"""What predicts actions: the interface of a policy, and how one is loaded elsewhere."""
