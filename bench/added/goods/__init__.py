"""The migrations of `shop.goods`, and one more."""

from shop.goods import migrations

# Django looks for migrations along this path: first here, then where the shop's own are.
__path__ += migrations.__path__
