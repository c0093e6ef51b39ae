"""Sangga as it is delivered, its plans included, and a view that asks for too much."""
