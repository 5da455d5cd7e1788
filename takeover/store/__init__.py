"""Results on disk: collected while a run goes on, found again, published."""
