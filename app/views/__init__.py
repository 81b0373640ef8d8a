"""Widgets. They show view models and pass on what the person does; they keep no state of their own."""
