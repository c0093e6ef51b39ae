from django.conf import settings
from django.db import models


class Note(models.Model):
    text = models.TextField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True)

    def __str__(self) -> str:
        return self.text
