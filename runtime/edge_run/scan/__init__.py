"""A file, bytes or an array -> uint8 grey, and the network input made of it."""
