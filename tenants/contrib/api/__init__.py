"""What the APIs of the platform and of the shops have in common."""
