"""Side by side with peers and with PostgreSQL itself: `make bench`; docs/benchmarks.md has the figures."""
