"""What both versions of the API say and take in the same words, a module for each resource."""
