"""Where forks come from and where they live: manifest, lock, sources, workspace, sync."""
