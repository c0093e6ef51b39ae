"""Tests of the base of APIs."""
