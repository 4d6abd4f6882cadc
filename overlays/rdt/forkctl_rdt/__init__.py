"""What forkctl adds to this tree. The patches hold hooks of a few lines; the logic lives here.

Whatever can be known without torch is known without it: `options` and `sidecar` are read by
programs that train nothing.
"""
