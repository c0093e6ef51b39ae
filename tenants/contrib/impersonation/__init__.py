"""Operators in a shop: by a link that works once, as a marked session, for an hour, with what they do written down."""
