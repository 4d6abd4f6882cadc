"""One HTML file that holds a whole evaluation: no script, no network, prints well."""
