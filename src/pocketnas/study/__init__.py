"""The study: one SQLite file that is the record and the checkpoint of a search."""
