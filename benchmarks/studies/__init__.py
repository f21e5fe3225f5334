"""Single questions about the method, the flags and the code, each answered by one command."""
