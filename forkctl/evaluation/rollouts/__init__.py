"""Closed-loop evaluation: a policy acts in a world until the task is done or time is up."""
