"""What an Envoy by itself is: which configs it loads, and what its binary holds."""
