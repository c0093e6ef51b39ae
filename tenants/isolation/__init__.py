"""Isolation of tenants: a module for each thing that Django signs, or keeps per process, request or record."""
