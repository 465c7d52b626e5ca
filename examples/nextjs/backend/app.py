"""The back end. It shares database, secret and cookie with Next.js, which serves the same origin."""

import os

from flask import Flask, render_template_string

from genkan import Genkan, auth, roles_required, sign_out

app = Flask(__name__)
app.url_map.strict_slashes = False  # Next.js removes a slash at the end of a path
accounts = Genkan(
    app,
    AUTH_URL=os.environ["AUTH_URL"] + "/backend",
    GENKAN_DATABASE_URL=os.environ["DATABASE_URL"],
    tables="authjs",
)

PAGE = """<!doctype html>
<html lang="en">
<title>Shared session</title>
{{ user_menu() }}
<h1>Flask</h1>
{% if auth() %}
<p>Signed in as <b id="name">{{ auth().user.name }}</b>, user <b id="id">{{ auth().user.id }}</b>
with the role <b id="role">{{ auth().user.role }}</b></p>
{% else %}
<p id="signed-out">Signed out</p>
{% endif %}
<p><a href="/">To Next.js</a></p>
"""


@app.get("/")
def index():
    return render_template_string(PAGE)


@app.get("/orders")
def orders():
    session = auth()
    return {"orders": [], "user": session.user.id if session else None}


@app.get("/admin")
@roles_required("admin")
def admin():
    return {"admin": True}


@app.post("/sign-out")
def end_session():
    """End the session whose cookie Next.js sends."""
    return sign_out()
