"""What Envoy's filters, loggers and tracers ask, beside the hostile upstream. `serving` is where it begins."""
