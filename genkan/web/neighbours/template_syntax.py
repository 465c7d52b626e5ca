"""Jinja with other delimiters than `{{ }}`, as beside a script that uses them: our templates are read in that syntax."""

from __future__ import annotations

from collections.abc import Callable

from jinja2 import Environment, FileSystemLoader

_OURS = Environment(keep_trailing_newline=True)  # noqa: S701 (it renders nothing)
_DELIMITERS = {
    f"{kind}_{place}": f"{kind}_{end}_string"
    for kind in ("block", "variable", "comment")
    for place, end in (("begin", "start"), ("end", "end"))
}
"""Kinds of tokens, and the attributes of an environment with their text."""


def translate(source: str, environment: Environment) -> str:
    """Return a template of ours with the delimiters of this environment."""
    texts = {
        token: (getattr(_OURS, attribute), getattr(environment, attribute)) for token, attribute in _DELIMITERS.items()
    }
    if all(ours == other for ours, other in texts.values()):
        return source
    # A sign for whitespace, as in `{%-`, is part of the token.
    tokens = _OURS.lex(source)
    return "".join(value.replace(*texts[token]) if token in texts else value for _, token, value in tokens)


class PackageLoader(FileSystemLoader):
    """Loader of our templates, for an environment with any delimiters."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """Return the source in the syntax of the environment, its file, and whether it is unchanged."""
        source, file, is_unchanged = super().get_source(environment, template)
        return translate(source, environment), file, is_unchanged
