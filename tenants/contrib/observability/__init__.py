"""Logs, traces and error reports that name the tenant."""
