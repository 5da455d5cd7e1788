"""Which of Envoy's runtime guards brings an old behaviour back."""
