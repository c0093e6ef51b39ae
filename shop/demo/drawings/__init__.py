"""What the pictures of the demo goods are made of."""
