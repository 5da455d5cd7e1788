"""What people look at: the page, the pictures of traces, the summary, the account of a failure."""
