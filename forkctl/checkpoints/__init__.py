"""What a checkpoint holds, and what of it a model can take over."""
