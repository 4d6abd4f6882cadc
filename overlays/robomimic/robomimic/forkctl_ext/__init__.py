"""What forkctl adds to this tree. The patches hold hooks of a few lines; the logic lives here.

Nothing here is imported by upstream modules unless a hook asks for it, and nothing here imports
upstream modules that import it back.
"""
