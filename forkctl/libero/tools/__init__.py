"""Commands on LIBERO data: download, convert, merge, repair, draw."""
