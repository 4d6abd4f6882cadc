"""What a policy predicts on held-out demos, and what it does in the simulator."""
