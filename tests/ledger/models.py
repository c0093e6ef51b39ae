from __future__ import annotations

from django.db import models


class Account(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Entry(models.Model):
    account = models.ForeignKey(Account, models.CASCADE)
    text = models.CharField(max_length=50)
    code = models.CharField(max_length=20, default="none", db_index=True)
    amount = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "text"], name="entry_once")]
        indexes = [models.Index(fields=["amount"], name="entry_by_amount")]

    def __str__(self) -> str:
        return self.text
