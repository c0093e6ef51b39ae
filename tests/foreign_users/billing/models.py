"""What this project knows of its tenants beyond the engine's columns."""

from django.db import models

from tenants.models import Tenant


class Contract(models.Model):
    customer = models.OneToOneField(Tenant, models.CASCADE, related_name="contract")
    vat_number = models.CharField(max_length=20)

    def __str__(self) -> str:
        return self.vat_number
