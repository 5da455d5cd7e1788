"""Commands of a shell script, as far as they are words: nothing is run, expanded or read."""

import codecs
import re
import shlex
from collections.abc import Iterator

from takeover.base.errors import BadInputError

_QUOTED = re.compile(r"\$'((?:[^'\\]|\\.)*)'", re.DOTALL)
_SINGLE = re.compile(r"'[^']*'|\\.", re.DOTALL)
_EXPANDED = re.compile(r"\$[\w{(?#@*!$]\w*|`")
_COMMENT = re.compile(r"""('[^']*'|"(?:\\.|[^"\\])*"|\\.)|(?<!\S)#[^\n]*""", re.DOTALL)
_SEPARATORS = re.compile(r"[;&|()<>]+")
_DESCRIPTOR = re.compile(r"""('[^']*'|"(?:\\.|[^"\\])*"|\\.)|(?<!\S)\d+(?=[<>])""", re.DOTALL)


def commands(text: str, file: str) -> Iterator[tuple[int, list[str]]]:
    """Line and words of each command.

    Raises: BadInputError "FILE:LINE: …" for a quote without its end, and for what a shell would expand.
    """
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        start, whole = number, lines[number]
        number += 1
        while (words := _words(whole)) is None or whole.rstrip().endswith("\\"):
            if number >= len(lines):
                if words is None:
                    raise BadInputError(f"{file}:{start + 1}: a quote without its end")
                break
            joined = whole.rstrip()[:-1] if words is not None else whole + "\n"
            whole = joined + lines[number]
            number += 1
        words = words or _words(whole) or []
        plain = _SINGLE.sub("", _COMMENT.sub(lambda found: found[1] or "", _QUOTED.sub("", whole)))
        if words and (expanded := _EXPANDED.search(plain)) and "curl" in words:
            raise BadInputError(f"{file}:{start + 1}: {expanded[0]} is for a shell to expand: write it out")
        command: list[str] = []
        is_redirected = False
        for word in [*words, ";"]:
            if is_redirected and not _SEPARATORS.fullmatch(word):
                is_redirected = False  # it is where the output goes, or what is read
            elif _SEPARATORS.fullmatch(word) and ("<" in word or ">" in word):
                is_redirected = True
            elif _SEPARATORS.fullmatch(word):
                if command:
                    yield start + 1, command
                command = []
            else:
                command.append(word)


def _words(text: str) -> list[str] | None:
    """Its words and separators; None: a quote has no end yet."""
    made = _QUOTED.sub(lambda found: shlex.quote(_unescaped(found[1])), text.rstrip().removesuffix("\\"))
    made = _COMMENT.sub(lambda found: found[1] or "", made)
    made = _DESCRIPTOR.sub(lambda found: found[1] or "", made)
    lexer = shlex.shlex(made, posix=True, punctuation_chars=";&|()<>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:
        return None


def _unescaped(text: str) -> str:
    """What `$'…'` has: browsers write commands so."""
    text = text.replace("\\'", "'").replace('\\"', '"').replace("\\!", "!")
    try:
        plain = codecs.decode(text.encode("latin-1", "backslashreplace"), "unicode_escape")
        return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # what JSON has as two is one
    except UnicodeDecodeError:
        return text
