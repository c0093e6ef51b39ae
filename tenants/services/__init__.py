"""Applications beside this one: who is registered, how they are asked, and as whom."""
