"""Pages that extend the layout of the reference application and add no attribute of Genkan."""

from __future__ import annotations

from flask import Flask, Response, render_template_string, request
from flask.typing import ResponseReturnValue

from genkan import auth, public

BODY = """{% extends "base.html" %}
{% block content %}
<div id="text">{{ text }}</div>
<p><a href="/written/private" hx-boost="true">Private page</a> <a href="/written/public" hx-boost="true">Public page</a></p>
<button hx-get="/written/fragment" hx-target="#text">Show mine</button>
<button hx-get="/written/list" hx-push-url="true" hx-target="#text">Show list</button>
<form id="item" hx-delete="/written/item" hx-target="#text">
<input type="hidden" name="csrfToken" value="{{ csrf_token() }}"><input type="hidden" name="id" value="7">
<button>Delete item</button>
</form>
<form hx-get="/written/list" hx-target="#text">
<input type="hidden" name="csrfToken" value="{{ csrf_token() }}"><button>Search</button>
</form>
<iframe src="/written/frame" title="Frame"></iframe>
<object data="/written/frame" type="text/html" aria-label="Object"></object>
<audio src="/written/sound" preload="auto"></audio>
</div>
{% endblock %}
"""
SILENCE = b"RIFF,\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0@\x1f\0\0@\x1f\0\0\x01\0\x08\0data\x08\0\0\0" + b"\x80" * 8


def private_page() -> str:
    session = auth()
    return render_template_string(BODY, text=f"Orders of {session.user.name if session else 'nobody'}")


def public_page() -> str:
    return render_template_string(BODY, text="Goods for all")


def fragment() -> str:
    return "Your orders"


def items() -> str:
    return "The list" if "HX-Request" in request.headers else public_page()


def delete_item() -> str:
    return f"Deleted {request.values['id']}"


def frame() -> str:
    return "<!doctype html><title>Frame</title><p>framed</p>"


def sound() -> ResponseReturnValue:
    return Response(SILENCE, content_type="audio/wav")


def register(app: Flask) -> None:
    """Add the pages below `/written`."""
    app.add_url_rule("/written/private", view_func=private_page)
    app.add_url_rule("/written/fragment", view_func=fragment)
    for view in (public_page, frame, sound):
        app.add_url_rule(f"/written/{view.__name__.removesuffix('_page')}", view_func=public(view))
    app.add_url_rule("/written/list", view_func=public(items))
    app.add_url_rule("/written/item", view_func=public(delete_item), methods=["DELETE"])
