"""Bytes and edits in, bytes and outcomes out: pure, without git and without files."""
