"""What runs inside old environments: standard library and numpy, Python 3.9."""
