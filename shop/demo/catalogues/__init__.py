"""What the demo shops sell, and who has bought there."""
