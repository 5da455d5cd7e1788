"""What a run found, kept: one document per Envoy, and what differs between them."""
