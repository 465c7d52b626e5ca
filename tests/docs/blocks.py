"""Code blocks of the README and of the documentation, as MyST reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from mdit_py_plugins.colon_fence import colon_fence_plugin

from genkan.settings.environment import ROOT

DOCUMENTS = [
    ROOT / "README.md",
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts),
]
CODE = {"code-block", "code", "sourcecode"}
"""Directives whose content is a code block. The content of the directives below is Markdown."""
CONTAINERS = {"note", "tip", "hint", "warning", "important", "caution", "danger", "attention", "seealso", "admonition"}
OTHERS = {"toctree", "eval-rst", "literalinclude", "image", "figure", "include", "contents"}
"""Directives without code. The tests of the examples run what is included from them."""
HIDDEN = re.compile(r"^<!-- (file|run): (.+?) -->$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One code block, or one hidden command. `file` is the name of the file that it is, or None."""

    document: Path
    line: int
    language: str
    text: str
    file: str | None = None

    @property
    def place(self) -> str:
        """Return the document and the line, to name the block in a message."""
        return f"{name_of(self.document)}:{self.line}"


def name_of(document: Path) -> str:
    """Return the path of a document below the repository."""
    return document.relative_to(ROOT).as_posix()


def blocks_of(document: Path) -> list[Block]:
    """Return the blocks of a document in their order."""
    return list(blocks_in(document, document.read_text()))


def blocks_in(document: Path, text: str, first_line: int = 1) -> Iterator[Block]:
    """Return the blocks of a text that begins in this line of the document."""
    parser = MarkdownIt("commonmark").enable("table").use(colon_fence_plugin)
    file = None
    for token in parser.parse(text):
        line = first_line + (token.map or [0])[0]
        if token.type == "html_block":
            for number, (kind, content) in enumerate(HIDDEN.findall(token.content)):
                if kind == "run":
                    yield Block(document, line + number, "sh", content + "\n")
                else:
                    file = content
        elif token.type in {"fence", "colon_fence"}:
            yield from _fence(document, token.info.strip(), token.content, line, file)
            file = None
        elif token.type == "code_block":
            yield Block(document, line, "an indented block without a language", token.content)


def _fence(document: Path, info: str, content: str, line: int, file: str | None) -> Iterator[Block]:
    directive = re.match(r"\{([\w-]+)\}\s*(.*)", info)
    if directive is None:
        yield Block(document, line, info, content, file)
        return
    name, argument = directive[1], directive[2].strip()
    head = re.match(r"(?:[ \t]*:[\w-]+:.*\n)*\n?", content)
    options, body = (head[0], content[head.end() :]) if head else ("", content)
    if name in CODE:
        caption = re.search(r"^\s*:caption:\s*(.+)$", options, re.MULTILINE)
        yield Block(document, line, argument, body, caption[1].strip().strip("`") if caption else file)
    elif name in CONTAINERS:
        yield from blocks_in(document, body, line + 1 + options.count("\n"))
    elif name not in OTHERS:
        yield Block(document, line, f"the directive {name}", content)
