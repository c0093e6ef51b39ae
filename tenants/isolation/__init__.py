"""One module for each thing that Django keeps for a process, a signature or a record."""
