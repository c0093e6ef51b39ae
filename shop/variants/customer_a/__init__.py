"""Customer A: goods with codes and a tax rate; prices include the tax."""
