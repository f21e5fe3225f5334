"""What this machine has: cores, processor, accelerators; read from files, without loading a library."""
