"""Goods and orders of the demo shops."""
