"""Those who sign in to run a shop, or the building: their passwords by e-mail, and their second factor."""
