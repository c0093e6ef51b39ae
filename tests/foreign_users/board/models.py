from django.db import models


class Post(models.Model):
    text = models.TextField()
    picture = models.FileField(blank=True)

    def __str__(self) -> str:
        return self.text
