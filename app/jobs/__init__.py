"""Background jobs for the window: one worker thread per lane, one-slot progress, cancellation."""
