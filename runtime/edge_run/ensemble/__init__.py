"""The members of a bundle, loaded and voting."""
