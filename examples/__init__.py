"""Services of other kinds, to look at and to begin from. docs/services.md"""
