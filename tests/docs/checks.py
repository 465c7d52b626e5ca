"""Checks of code blocks that are not run: templates are rendered, scripts and files of configuration are parsed."""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import yaml
from flask import Flask, render_template_string
from jinja2 import ChoiceLoader, DictLoader, meta

from genkan import Genkan
from tests.docs.blocks import Block
from tests.servers.node.nodejs import needing_node, node
from tests.servers.process import free_port
from tests.tokens.certificates import self_signed

LAYOUT = "{% block head %}{% endblock %}{% block body %}{% block content %}{% endblock %}{% endblock %}"
CONTEXT = {"user": SimpleNamespace(name="Ada Example", id="1"), "reports": [], "nonce": "n0nce"}
"""Names that a page introduces for its templates, besides the globals of the package."""

HERE = Path(__file__).parent
NODE = HERE.parent / "servers/node"
PARSE = """
import { transformSync } from 'esbuild'
import { readFileSync } from 'node:fs'
const { loader, text } = JSON.parse(readFileSync(0, 'utf8'))
transformSync(text, { loader, jsx: 'automatic' })
"""


def check_python(block: Block, _: Path) -> None:
    """Compile a file of a page. The commands of the page run it."""
    compile(block.text, block.place, "exec", dont_inherit=True)


def check_template(block: Block, folder: Path) -> None:
    """Compile a template. Render it too, for an anonymous visitor, unless it is a file of its page."""
    app = Flask("documented", root_path=str(folder), instance_path=str(folder / "instance"))
    app.testing = True
    Genkan(app, strict=True)
    app.jinja_env.compile(block.text)
    if block.file is None:
        app.jinja_loader = ChoiceLoader([DictLoader({"base.html": LAYOUT})])
        with app.test_request_context("/"):
            app.preprocess_request()
            used = meta.find_undeclared_variables(app.jinja_env.parse(block.text))
            unknown = used - app.jinja_env.globals.keys() - CONTEXT.keys()
            assert not unknown, f"{block.place}: a template cannot know {unknown}"
            render_template_string(block.text, **CONTEXT)


def check_script(block: Block, _: Path) -> None:
    """Parse JavaScript, TypeScript or a style sheet with esbuild."""
    with needing_node():
        program = node()
    source = json.dumps({"loader": block.language, "text": block.text})
    command = [program, "--input-type=module", "-e", PARSE]
    result = subprocess.run(command, cwd=NODE, input=source, capture_output=True, text=True, check=False, timeout=30)
    assert result.returncode == 0, f"{block.place}:\n{result.stderr}"


def check_shell(block: Block, _: Path) -> None:
    """Parse a file for the shell, such as `.env`."""
    subprocess.run(["sh", "-n"], input=block.text, text=True, check=True)


def check_nginx(block: Block, folder: Path) -> None:
    """Check a file of nginx, or a part of one, with `nginx -t`. Its ports and certificates are replaced."""
    text = re.sub(r"(listen\s+(?:[\w.\[\]:*]+:)?)\d+", lambda found: found[1] + str(free_port()), block.text)
    certificate, key = self_signed()
    (folder / "cert.pem").write_bytes(certificate)
    (folder / "key.pem").write_bytes(key)
    text = re.sub(r"(ssl_certificate\s+)[^;]+", rf"\1{folder}/cert.pem", text)
    text = re.sub(r"(ssl_certificate_key\s+)[^;]+", rf"\1{folder}/key.pem", text)
    if not re.search(r"^\s*(server|http|upstream|map)\b", text, re.MULTILINE):
        text = f"server {{ {text} }}"
    if not re.search(r"^\s*http\b", text, re.MULTILINE):
        text = f"http {{ {text} }}"
    if not re.search(r"^\s*events\b", text, re.MULTILINE):
        text = f"events {{}} {text}"
    (folder / "nginx.conf").write_text(text)
    options = ["-g", f"error_log stderr; pid {folder}/nginx.pid;"]
    environ = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"}
    command = ["nginx", "-t", "-q", "-p", str(folder), "-c", str(folder / "nginx.conf"), *options]
    result = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=30)
    assert result.returncode == 0, f"{block.place}:\n{result.stderr}"


def check_ini(block: Block, _: Path) -> None:
    """Parse a file of configuration with sections, such as a unit of systemd."""
    configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True).read_string(block.text)


Check = Callable[[Block, Path], object]
CHECKS: dict[str, Check] = {
    "python": check_python,
    "sh": check_shell,
    "html": check_template,
    "jinja": check_template,
    **dict.fromkeys(("js", "jsx", "ts", "tsx", "css"), check_script),
    "nginx": check_nginx,
    "sql": lambda _block, _folder: None,  # tests/deploy/test_adopted_database.py runs it
    "ini": check_ini,
    "toml": lambda block, _: tomllib.loads(block.text),
    "yaml": lambda block, _: yaml.safe_load(block.text),
    "json": lambda block, _: json.loads(block.text),
    "text": lambda _block, _folder: None,
}
"""Check of each language. Python and sh without the name of a file are run instead. Text is output, or a figure."""
