"""Every replacement of an attribute of Django or Python that the engine makes."""
