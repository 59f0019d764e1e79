"""What a person sees while a scan runs, and the log."""
