"""Customer A: goods with numbers of its own and a rate of tax, and prices that include the tax."""
