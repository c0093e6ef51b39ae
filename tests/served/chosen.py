"""The chosen requests: every method and every kind of body, at the storefront, the API, the admin and the platform.

They are sent one after another to a shop that each server has for itself, so an answer may rest on those before it.
"""

from __future__ import annotations

import gzip
from urllib.parse import urlencode

from tests.served.exchange import Request, as_json, broken_off, byte_by_byte, in_chunks, line_by_line

JSON = (("Content-Type", "application/json"),)
NDJSON = (("Content-Type", "application/x-ndjson"),)
CSV = (("Content-Type", "text/csv"),)
FORM = (("Content-Type", "application/x-www-form-urlencoded"),)
CHUNKED_JSON = in_chunks(7)

_MANY = b"".join(
    as_json({"slug": f"line-{number}", "name": f"Line {number}", "skus": [{"price": "5.00", "stock": 3}]}) + b"\n"
    for number in range(40)
)
_TABLE = b"Handle,Title,Variant Price\n" + b"".join(b"row-%d,Row %d,5.00\n" % (row, row) for row in range(40))
_BOUNDARY = "a-boundary-of-a-form"


def _multipart(name: str, content: bytes) -> bytes:
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
    return head + content + f"\r\n--{_BOUNDARY}--\r\n".encode()


STOREFRONT = [
    Request(name="list", path="/"),
    Request(name="list, head", path="/", method="HEAD"),
    Request(name="list in Korean", path="/", headers=(("Accept-Language", "ko"),)),
    Request(name="list, gzip", path="/", headers=(("Accept-Encoding", "gzip"),)),
    Request(name="list, a page", path="/?page=2"),
    Request(name="search in Korean", path="/?q=%ED%8C%8C%EB%9E%80"),
    Request(name="goods", path="/goods/mug/"),
    Request(name="goods that are not there", path="/goods/nothing/", status=404),
    Request(name="a path with a percent", path="/goods/100%25/", status=404),
    Request(name="a path in letters of another script", path="/c/%EC%BB%B5/", status=404),
    Request(name="a path without its slash", path="/cart", status=301),
    Request(name="cart", path="/cart/"),
    Request(name="options", path="/", method="OPTIONS", status=405),
    Request(name="post where there is none", path="/", method="POST", headers=FORM, status=403),
    Request(name="trace", path="/", method="TRACE", many_answers=True, status=405),
    Request(name="add without a token", path="/cart/add/", method="POST", body=b"sku=1", headers=FORM, status=403),
    Request(
        name="add", path="/cart/add/", method="POST", body=b"sku=1&quantity=1", headers=FORM, sign_in=True, status=302
    ),
    Request(
        name="add, in chunks",
        path="/cart/add/",
        method="POST",
        body=b"sku=1&quantity=1",
        headers=FORM,
        sign_in=True,
        chunked=True,
        send=in_chunks(3),
        status=302,
    ),
    Request(
        name="add, multipart",
        path="/cart/add/",
        method="POST",
        body=_multipart("sku", b"1"),
        sign_in=True,
        headers=(("Content-Type", f"multipart/form-data; boundary={_BOUNDARY}"),),
        status=302,
    ),
    Request(name="checkout", path="/checkout/", sign_in=True),
    Request(
        name="a language",
        path="/i18n/setlang/",
        method="POST",
        body=b"language=ko",
        headers=FORM,
        sign_in=True,
        status=302,
    ),
    Request(name="a picture", path="/media/goods/mug.png"),
    Request(name="a picture, head", path="/media/goods/mug.png", method="HEAD"),
    Request(name="a picture that is not there", path="/media/goods/none.png", status=404),
    Request(name="a static file", path="/static/storefront/shop.css"),
    Request(
        name="a static file, unchanged",
        path="/static/storefront/shop.css",
        headers=(("If-Modified-Since", "Fri, 01 Jan 2038 00:00:00 GMT"),),
        status=304,
    ),
]
ADMIN = [
    Request(name="admin of a stranger", path="/admin/", status=302),
    Request(name="admin", path="/admin/", sign_in=True),
    Request(name="admin, list", path="/admin/goods/goods/", sign_in=True),
    Request(name="admin, search", path="/admin/goods/goods/?q=mug", sign_in=True),
    Request(name="admin, one", path="/admin/goods/goods/1/change/", sign_in=True),
    Request(name="admin, none", path="/admin/goods/goods/9999/change/", sign_in=True, status=302),
    Request(name="admin, login with nothing", path="/admin/login/", method="POST", headers=FORM, sign_in=True),
]
API = [
    Request(name="versions", path="/api/"),
    Request(name="goods v1", path="/api/v1/goods"),
    Request(name="goods v2", path="/api/v2/goods"),
    Request(name="goods by the header's version", path="/api/goods", headers=(("X-API-Version", "v1"),)),
    Request(name="one of the goods", path="/api/v2/goods/1"),
    Request(name="none of the goods", path="/api/v2/goods/9999", status=404),
    Request(name="a query that is no number", path="/api/v2/goods?limit=many", status=422),
    Request(name="the document", path="/api/v2/openapi.json"),
    Request(name="me, without a token", path="/api/v2/me", status=401),
    Request(name="me", path="/api/v2/me", bearer=True),
    Request(
        name="an unknown token", path="/api/v2/me", headers=(("Authorization", "Bearer sangga_nothing"),), status=401
    ),
    Request(
        name="make",
        path="/api/v1/categories",
        method="POST",
        body=as_json({"name": "Cups", "slug": "cups"}),
        headers=JSON,
        bearer=True,
        status=201,
    ),
    Request(
        name="make, in chunks",
        path="/api/v1/categories",
        method="POST",
        body=as_json({"name": "Bowls", "slug": "bowls"}),
        headers=JSON,
        bearer=True,
        chunked=True,
        send=CHUNKED_JSON,
        status=201,
    ),
    Request(
        name="make, byte by byte",
        path="/api/v1/categories",
        method="POST",
        body=as_json({"name": "Pots", "slug": "pots"}),
        headers=JSON,
        bearer=True,
        send=byte_by_byte,
        status=201,
    ),
    Request(
        name="make twice",
        path="/api/v1/categories",
        method="POST",
        body=as_json({"name": "Cups", "slug": "cups"}),
        headers=JSON,
        bearer=True,
        status=409,
    ),
    Request(name="make of nothing", path="/api/v1/categories", method="POST", headers=JSON, bearer=True, status=422),
    Request(
        name="make of half a text",
        path="/api/v1/categories",
        method="POST",
        body=b'{"name": "Cu',
        headers=JSON,
        bearer=True,
        status=400,
    ),
    Request(
        name="make of bytes",
        path="/api/v1/categories",
        method="POST",
        body=b"\xff\xfe\x00",
        headers=JSON,
        bearer=True,
        status=400,
    ),
    Request(
        name="make, broken off",
        path="/api/v1/categories",
        method="POST",
        body=as_json({"name": "Half", "slug": "half"}),
        headers=JSON,
        bearer=True,
        send=broken_off,
        many_answers=True,
        status=400,
    ),
    Request(
        name="make, compressed",
        path="/api/v1/categories",
        method="POST",
        body=gzip.compress(as_json({"name": "Gz", "slug": "gz"})),
        headers=(*JSON, ("Content-Encoding", "gzip")),
        bearer=True,
        status=400,
    ),
    Request(
        name="change",
        path="/api/v1/goods/1",
        method="PATCH",
        if_match=True,
        body=as_json({"vendor": "Potters"}),
        headers=JSON,
        bearer=True,
    ),
    Request(
        name="put",
        path="/api/v1/skus/1/stock",
        method="PUT",
        if_match=True,
        body=as_json({"stock": 7}),
        headers=JSON,
        bearer=True,
    ),
    Request(
        name="many, line by line",
        path="/api/v1/goods/bulk",
        method="POST",
        body=_MANY,
        headers=NDJSON,
        bearer=True,
        send=line_by_line,
    ),
    Request(
        name="many, in chunks",
        path="/api/v1/goods/bulk",
        method="POST",
        body=_MANY,
        headers=NDJSON,
        bearer=True,
        chunked=True,
        send=in_chunks(100),
    ),
    Request(name="many, as CSV", path="/api/v2/goods/bulk", method="POST", body=_TABLE, headers=CSV, bearer=True),
    Request(
        name="many, as CSV in chunks",
        path="/api/v2/goods/bulk?dry_run=true",
        method="POST",
        body=_TABLE,
        headers=CSV,
        bearer=True,
        chunked=True,
        send=in_chunks(33),
    ),
    Request(name="many, of nothing", path="/api/v1/goods/bulk", method="POST", headers=NDJSON, bearer=True, status=422),
    Request(
        name="many, of nothing in chunks",
        path="/api/v1/goods/bulk",
        method="POST",
        headers=NDJSON,
        bearer=True,
        chunked=True,
        send=in_chunks(10),
        status=422,
    ),
    Request(
        name="many, wrong",
        path="/api/v1/goods/bulk",
        method="POST",
        body=b'{"slug": "x"}\n',
        headers=NDJSON,
        bearer=True,
        status=422,
    ),
    Request(
        name="many, of another kind",
        path="/api/v1/goods/bulk",
        method="POST",
        body=b"<a/>",
        headers=(("Content-Type", "text/xml"),),
        bearer=True,
        status=415,
    ),
    Request(name="an import", path="/api/v1/imports", method="POST", body=_TABLE, headers=CSV, bearer=True, status=201),
    Request(name="delete", path="/api/v1/categories/1", method="DELETE", if_match=True, bearer=True, status=204),
    Request(
        name="delete what is gone",
        path="/api/v1/categories/1",
        method="DELETE",
        headers=(("If-Match", "*"),),
        bearer=True,
        status=404,
    ),
    Request(name="a method that is not there", path="/api/v1/categories", method="DELETE", bearer=True, status=405),
]
OAUTH = [
    Request(name="discovery", path="/.well-known/openid-configuration"),
    Request(name="keys", path="/oauth/jwks.json"),
    Request(name="token for nothing", path="/oauth/token", method="POST", headers=FORM, status=400),
    Request(name="token by get", path="/oauth/token", status=405),
    Request(
        name="token of a client that is not there",
        path="/oauth/token",
        method="POST",
        headers=FORM,
        status=401,
        body=urlencode({"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}).encode(),
    ),
]
CHOSEN = [*STOREFRONT, *ADMIN, *API, *OAUTH]
