"""The kinds of product files that are taken: a module for each, which says what their columns mean."""
