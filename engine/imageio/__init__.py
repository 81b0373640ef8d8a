"""Photos in and out: pixels, colour, metadata. Nothing is imported here, see `engine.faces`."""
