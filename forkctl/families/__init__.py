"""The fork families, one folder each; registry.py is the list of them."""
