"""State of the window without widgets; everything here is testable without one."""
