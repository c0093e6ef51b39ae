"""The project's own rule for domains."""

from django.core.exceptions import ValidationError

from tenants.models import Domain


def only_in_example(domain: Domain) -> None:
    if not domain.host.endswith(".example"):
        raise ValidationError({"host": f"{domain.host} is not below .example."})
