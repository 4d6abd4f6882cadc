"""Patch files become changed files, and those become commits."""

# Part of the identity of a rendered fork and of every cached verdict: raise it whenever the same
# patch on the same text could give another result.
ENGINE_VERSION = "1"
