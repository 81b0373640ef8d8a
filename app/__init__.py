"""The application: command line and window."""
