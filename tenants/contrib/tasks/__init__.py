"""Worker of background operations and jobs, on procrastinate."""
