"""Where the scenarios run: one interface, several engines."""
