"""What suites import: verdicts, buckets, statistics, what the application echoes."""
