"""What differs between the results of several Envoys, and how to see it again."""
