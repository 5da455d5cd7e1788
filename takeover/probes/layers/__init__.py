"""What lies below a probe's protocol on its connection: a PROXY header in front, TLS around it."""
