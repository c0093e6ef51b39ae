"""A back office in Flask: what runs low, and a form to book goods in. An example of a foreign WSGI application.

It knows of its shop what its factory is given, and uses the models as they are: inside it the shop is active.
Flask is no dependency of this project: `pip install flask` before this is mounted.
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
<h1>{{ shop }}: what runs low</h1>
<p>Signed in as {{ user }}.</p>
<form method="post" action="{{ url_for('book_in') }}">
<table>
<tr><th>Goods</th><th>In stock</th><th>Book in</th></tr>
{% for sku in skus %}<tr><td>{{ sku }}</td><td>{{ sku.stock }}</td>
<td><button name="sku" value="{{ sku.pk }}">+{{ lot }}</button></td></tr>
{% else %}<tr><td colspan="3">Nothing has fewer than {{ low }} pieces.</td></tr>{% endfor %}
</table>
</form>
</body></html>
"""


def create_app(tenant: TenantInfo, *, low: int = 10, lot: int = 10) -> Flask:
    """Return the back office of one shop. `low`: below how many pieces goods are shown; `lot`: pieces to book in."""
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
            abort(403, "This form was not sent by the back office.")
        with transaction.atomic():
            changed = Sku.objects.filter(pk=request.form.get("sku", type=int)).update(stock=F("stock") + lot)
        if not changed:
            abort(404, "There is no such sku.")
        return redirect(url_for("running_low"))

    return app


def _is_from_here(request: Any) -> bool:
    """Tell whether a browser sent a form from this very host: Django's protection does not reach in here."""
    origin = request.headers.get("Origin", "")
    return bool(origin) and origin == request.host_url.rstrip("/")
