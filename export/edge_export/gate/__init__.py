"""Judge each compiled member against its original, and repair or refuse it."""
