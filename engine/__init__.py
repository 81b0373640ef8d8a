"""Portrait retouching without a window: photo in, photo out."""
