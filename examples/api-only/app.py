"""Tasks as JSON for a front end on another origin. Each user has a list of their own."""

import os
from collections import defaultdict

from flask import Flask, request
from flask_cors import CORS
from genkan import Genkan, login_required, require_session, roles_required

FRONT_END = os.environ.get("FRONT_END_URL", "http://localhost:8000")

app = Flask(__name__)
CORS(app, origins=FRONT_END, supports_credentials=True)
Genkan(app, pages=False, AUTH_URLS=FRONT_END, GENKAN_ERROR_URL=f"{FRONT_END}/")

# In memory, for this example only.
tasks = defaultdict(list)


@app.get("/tasks")
@login_required
def list_tasks():
    return tasks[require_session().user.id]


@app.post("/tasks")
@login_required
def add_task():
    own = tasks[require_session().user.id]
    own.append(str(request.get_json()["title"]))
    return own, 201


@app.get("/statistics")
@roles_required("admin")
def statistics():
    return {"users": len(tasks), "tasks": sum(map(len, tasks.values()))}
