"""Write the bundle."""
