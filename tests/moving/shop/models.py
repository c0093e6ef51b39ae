"""A shop's goods."""

from django.conf import settings
from django.db import models


class Goods(models.Model):
    name = models.CharField(max_length=100)
    picture = models.FileField(upload_to="pictures", blank=True)
    keeper = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True)
    if settings.HAS_NOTE:
        note = models.TextField(default="none")


class Tag(models.Model):
    name = models.CharField(max_length=50)
    goods = models.ManyToManyField(Goods)
