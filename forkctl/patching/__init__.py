"""From a patch file to a commit: loading, matching, splicing, series, drift."""
