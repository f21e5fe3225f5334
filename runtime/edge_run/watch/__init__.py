"""A folder into which scans arrive."""
