"""Users who sign in with their address, with keys that are no numbers."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models


class PersonManager(BaseUserManager):
    def create_user(self, email: str, full_name: str, password: str | None = None, **fields: Any) -> Person:
        person = self.model(email=self.normalize_email(email).lower(), full_name=full_name, **fields)
        person.set_password(password)
        person.save()
        return person

    def create_superuser(self, email: str, full_name: str, password: str | None = None, **fields: Any) -> Person:
        return self.create_user(email, full_name, password, is_staff=True, is_superuser=True, **fields)


class Person(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = first_name = last_name = None
    email = models.EmailField(unique=True)
    full_name = models.CharField(max_length=100)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["full_name"]
    objects = PersonManager()

    def __str__(self) -> str:
        return self.full_name

    def get_full_name(self) -> str:
        return self.full_name
