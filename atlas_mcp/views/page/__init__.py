"""The page of a run: one JSON document from its records, and the HTML file that shows it."""
