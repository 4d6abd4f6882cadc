"""What predicts actions: the interface, and where policies come from."""
