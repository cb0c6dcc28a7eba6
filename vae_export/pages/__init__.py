"""HTML pages of a bundle: a report, and a playground. They need no network and no other file."""
