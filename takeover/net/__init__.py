"""A byte stream, and the protocols over it: HTTP/1, HTTP/2, raw bytes."""
