"""Tools for LIBERO data: download, convert, merge, repair, draw."""
