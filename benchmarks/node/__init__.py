"""What a node withstands: kill -9 while it receives, attacks on its door, thousands of associations, and its pace."""
