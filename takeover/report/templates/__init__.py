"""The templates of what people look at. Whatever comes from outside is escaped: in HTML and SVG by Jinja2 itself."""

import functools
import html
import re
from typing import Any

import jinja2

# Controls, what has no width or changes the direction, halves of characters: they would show as nothing, or hide text.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_MARKDOWN = re.compile(r"([\\`*_\[\]|~])")


def render(template: str, **values: Any) -> str:
    """The template of that file name, filled in. What cannot be seen is written out: it may well be what matters."""
    text = _environment().get_template(template).render(values)
    return _UNSEEN.sub(lambda each: each[0].encode("unicode_escape").decode(), text)


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("takeover.report", "templates"),
        autoescape=jinja2.select_autoescape(("html.j2", "svg.j2"), default_for_string=True),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["markdown"] = markdown
    environment.filters["line"] = lambda text: " ".join(str(text).split())
    return environment


def markdown(text: object) -> str:
    """Text that a Markdown document shows as it is, on one line."""
    return _MARKDOWN.sub(r"\\\1", html.escape(" ".join(str(text).split()), quote=False))
