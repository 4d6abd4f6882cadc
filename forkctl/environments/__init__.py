"""The environments that forks run in: locked, made, proved."""
