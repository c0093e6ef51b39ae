"""What the shop decides about goods. Each module can be replaced by a variant: `resolve("goods.services.pricing")`."""
