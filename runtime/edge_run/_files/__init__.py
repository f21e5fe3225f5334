"""Files: read whole and bounded."""
