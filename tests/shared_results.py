"""Results that all applications of a test run share: compiled URL rules and templates.

Most tests have an application of their own. To compile its URL rules takes 20 ms, and the templates of a page 36 ms.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import Any

from flask import Flask
from flask.templating import Environment
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

Builder = Callable[..., tuple[str, str]]


class _Templates(BytecodeCache):
    """Compiled templates by their name, their source and the options of the environment that change the result."""

    def __init__(self) -> None:
        self._compiled: dict[object, CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load what was compiled before."""
        bucket.code = self._compiled.get(self._key(bucket))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled now."""
        assert bucket.code is not None
        self._compiled[self._key(bucket)] = bucket.code

    @staticmethod
    def _key(bucket: Bucket) -> object:
        environment = bucket.environment
        # Environments of the same syntax share a lexer.
        return (
            bucket.key,
            bucket.checksum,
            environment.lexer,
            environment.autoescape if isinstance(environment.autoescape, bool) else None,
            environment.is_async,
            environment.finalize,
            *sorted(environment.extensions),
        )


class SharedEnvironment(Environment):
    """Environment of Flask that compiles each template once in a test run."""

    templates = _Templates()

    def __init__(self, app: Flask, **options: Any) -> None:
        super().__init__(app, **{"bytecode_cache": self.templates, **options})


def share_url_rules() -> None:
    """Compile the functions that build the URL of a rule once, and not for each application."""
    compile_builder: Callable[[Rule, bool], Builder] = Rule._compile_builder
    compiled: dict[object, Builder] = {}

    def get(rule: Rule, append_unknown: bool = True) -> Builder:
        if rule.defaults:
            # They are a part of the function.
            return compile_builder(rule, append_unknown)
        key = (append_unknown, rule.rule, *rule._trace)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    Rule._compile_builder = get  # type: ignore[method-assign, assignment]
