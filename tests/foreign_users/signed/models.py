"""Rows with a key to a user: only where a tenant's schema has users."""

from board.models import Post
from django.conf import settings
from django.db import models


class Signature(models.Model):
    post = models.ForeignKey(Post, models.CASCADE)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)

    def __str__(self) -> str:
        return f"{self.author}: {self.post}"
