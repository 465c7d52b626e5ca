"""Application with its own pages and styles, which adds nothing but `{{ user_menu() }}` to them."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Response, render_template_string

from genkan import login_required, public

VENDOR = Path(__file__).parents[3] / "vendor"
VERSIONS = {
    "1.9.12": VENDOR / "htmx-1.9.12.min.js",
    "2.0.11": VENDOR / "htmx-2.0.11.min.js",
    "4.0.1": Path(__file__).parents[4] / "static" / "vendor" / "htmx-4.0.1.min.js",
}

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>A shop</title><link rel="icon" href="/static/img/genkan.svg">{{ htmx }}</head>
<body{{ boost }}>
<header><h1>A shop</h1>{{ user_menu(loading=loading) }}</header>
<article>
<p data-private>Orders of {{ auth().user.name if auth() else "no user" }}</p>
<p>Goods for every visitor</p>
<a href="?page=2">More</a>
<form id="search" method="post" action="/search"><input name="q"><button>Search</button></form>
<form id="save" method="post" action="/report"><button>Download</button></form>
<dialog><form method="dialog"><button>Close</button></form></dialog>
</article>
</body>
</html>
"""

ARTICLE = PAGE[PAGE.index("<article>") : PAGE.index("</body>")]
PAGE_IN_LAYOUT = f"{{% extends 'base.html' %}}{{% block content %}}{ARTICLE}{{% endblock %}}"


def register(app: Flask) -> None:
    """Add the pages: `/shop`, `/shop/cached`, `/shop/layout` in the layout of the reference application, and each
    version of htmx below `/shop/htmx/`, and below `/shop/orders/` on a private page. `/shop/private` is private and has
    no htmx."""

    def shop(version: str = "", loading: bool = False) -> str:
        script = f'<script src="/shop/script/{version}"></script>' if version else ""
        boost = ' hx-boost="true" hx-target="article" hx-select="article"' if version else ""
        page = PAGE.replace("{{ htmx }}", script).replace("{{ boost }}", boost)
        page = page.replace("{{ auth", "{{ '' if loading else auth")
        return render_template_string(page, loading=loading)

    def script(version: str) -> Response:
        return Response(VERSIONS[version].read_text(), content_type="text/javascript")

    def report() -> Response:
        return Response("a,b", headers={"Content-Disposition": "attachment; filename=report.csv"})

    app.add_url_rule("/shop", "shop", public(shop))
    app.add_url_rule("/shop/cached", "shop_cached", public(lambda: shop(loading=True)))
    app.add_url_rule("/shop/private", "shop_private", lambda: shop())  # noqa: PLW0108 (`shop` itself is marked as public)
    app.add_url_rule("/shop/layout", "shop_layout", public(lambda: render_template_string(PAGE_IN_LAYOUT)))
    app.add_url_rule("/shop/htmx/<version>", "shop_htmx", public(shop))
    app.add_url_rule("/shop/orders/<version>", "shop_orders", login_required(shop))
    app.add_url_rule("/shop/script/<version>", "shop_script", public(script))
    app.add_url_rule("/report", "report", public(report), methods=["POST"])
