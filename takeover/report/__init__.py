"""What people look at: the page, the pictures of the path, the summary, the account of a failure."""
