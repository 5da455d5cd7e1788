"""Text and bytes as words of a POSIX shell, on one line however long or odd they are."""

import shlex

from takeover.model.repeats import RUN


def printed(text: str) -> str:
    """A command that writes these bytes, a character each (latin-1); long runs of one character are made, not told."""
    commands, end = [], 0
    for run in RUN.finditer(text):
        if run.start() > end:
            commands.append(_printf(text[end : run.start()]))
        commands.append(f"head -c {len(run[0])} /dev/zero | tr '\\0' '{_octal(run[1])}'")
        end = run.end()
    if end < len(text) or not commands:
        commands.append(_printf(text[end:]))
    return commands[0] if len(commands) == 1 else f"{{ {'; '.join(commands)}; }}"


def word(text: str) -> str:
    """These bytes as one word; line ends at its end would be lost, and are in no header and no path."""
    if text.isascii() and text.isprintable() and not RUN.search(text):
        return shlex.quote(text)
    return f'"$({printed(text)})"'


def _printf(text: str) -> str:
    return f"printf '{''.join(map(_escaped, text))}'"


def _escaped(sign: str) -> str:
    if sign in "%\\":
        return sign * 2
    return sign if sign.isascii() and sign.isprintable() and sign != "'" else _octal(sign)


def _octal(sign: str) -> str:
    return f"\\{ord(sign):03o}"
