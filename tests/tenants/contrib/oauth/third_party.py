"""Third-party software: a client with authlib and a browser with cookies."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from authlib.integrations.requests_client import OAuth2Session
from requests.adapters import HTTPAdapter


class ThisMachine(HTTPAdapter):
    """Resolves `*.localhost`, as browsers do but not every resolver."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        address = request.url or ""
        parts = urlsplit(address)
        request.headers["Host"] = parts.netloc
        request.url = urlunsplit(parts._replace(netloc=f"127.0.0.1:{parts.port}"))
        try:
            response = super().send(request, *args, **kwargs)
        finally:
            request.url = address
        response.url = address
        return response


def http() -> requests.Session:
    session = requests.Session()
    session.mount("http://", ThisMachine())
    return session


def client(**options: Any) -> OAuth2Session:
    session = OAuth2Session(**options)
    session.mount("http://", ThisMachine())
    return session


class Browser:
    """A browser that keeps cookies, submits forms and follows no redirects by itself."""

    def __init__(self) -> None:
        self.http = http()

    def go(self, address: str) -> requests.Response:
        return self.http.get(address, allow_redirects=False)

    def submit(self, page: requests.Response, **fields: str | None) -> requests.Response:
        """Submit the form of a page with its hidden fields; None removes a field."""
        form = page.text.split('<form method="post"')[1].split("</form>")[0]
        sent = {}
        for tag in re.findall(r"<input[^>]*>", form):
            name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
            if name and 'type="submit"' not in tag:
                sent[name[1]] = html.unescape(value[1]) if value else ""
        sent.update({name: value for name, value in fields.items() if value is not None})
        for name, value in fields.items():
            if value is None:
                sent.pop(name, None)
        return self.http.post(page.url, data=sent, allow_redirects=False, headers={"Referer": page.url})

    def follow(self, response: requests.Response) -> requests.Response:
        """Follow a redirect."""
        assert response.status_code in {301, 302, 303, 308}, (response.status_code, response.text[:2000])
        return self.go(requests.compat.urljoin(response.url, response.headers["Location"]))

    def sign_in(self, page: requests.Response, name: str, password: str) -> requests.Response:
        """Open a URL, sign in on the login page, and return the page of the URL."""
        return self.follow(self.submit(page, username=name, password=password))
