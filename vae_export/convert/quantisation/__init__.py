"""Float files to files of fewer bits, one quantiser for each format."""
