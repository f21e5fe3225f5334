"""What this machine has: cores, processor, accelerators."""
