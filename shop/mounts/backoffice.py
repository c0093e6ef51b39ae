"""A back office in Flask with low stock and a restock form: an example of a mounted WSGI application.

The shop is active inside it, so that it uses the models as they are. Flask is not a dependency of this project: run
`pip install flask` before mounting it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F

from shop.goods.models import Sku
from tenants import TenantInfo

if TYPE_CHECKING:
    from flask import Flask

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ shop }}: back office</title></head>
<body>
<h1>{{ shop }}: low stock</h1>
<p>Signed in as {{ user }}.</p>
<form method="post" action="{{ url_for('book_in') }}">
<table>
<tr><th>Product</th><th>In stock</th><th>Restock</th></tr>
{% for sku in skus %}<tr><td>{{ sku }}</td><td>{{ sku.stock }}</td>
<td><button name="sku" value="{{ sku.pk }}">+{{ lot }}</button></td></tr>
{% else %}<tr><td colspan="3">No product has a stock below {{ low }}.</td></tr>{% endfor %}
</table>
</form>
</body></html>
"""


def create_app(tenant: TenantInfo, *, low: int = 10, lot: int = 10) -> Flask:
    """Return the back office of one shop. It lists stock below `low` and adds `lot` to it."""
    from flask import Flask, abort, redirect, render_template_string, request, url_for

    app = Flask(__name__, static_folder=None)

    @app.get("/")
    def running_low() -> str:
        counted = Sku.objects.filter(track_stock=True, stock__lt=low)
        skus = list(counted.select_related("goods").order_by("stock", "pk")[:100])
        user = request.environ.get("REMOTE_USER", "")
        return render_template_string(_PAGE, shop=tenant.name, user=user, skus=skus, low=low, lot=lot)

    @app.post("/book-in")
    def book_in() -> Any:
        if not _is_from_here(request):
            abort(403, "Cross-site request refused. Open the back office and try again.")
        with transaction.atomic():
            changed = Sku.objects.filter(pk=request.form.get("sku", default=0, type=int)).update(stock=F("stock") + lot)
        if not changed:
            abort(404, "Unknown SKU.")
        return redirect(url_for("running_low"))

    return app


def _is_from_here(request: Any) -> bool:
    """Tell whether a form came from this host. Django's CSRF protection does not cover mounted applications."""
    origin = request.headers.get("Origin", "")
    return bool(origin) and origin == request.host_url.rstrip("/")
