"""Patch files, read and checked."""
