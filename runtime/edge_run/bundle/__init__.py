"""The bundle format: its manifest, and checked reading."""
