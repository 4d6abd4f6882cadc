"""robomimic, the DROID fork of it, and the 0.3.0 release."""
