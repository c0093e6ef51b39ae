"""Views of the storefront."""
