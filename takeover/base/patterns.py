"""Patterns in which * stands for anything, and nothing else for anything but itself: names of tests have brackets."""


def matches(text: str, pattern: str) -> bool:
    """Whether the whole of `text` is as `pattern` says. It takes the time that their lengths take, however many * are.

    Each part between two * is looked for where it comes first: what follows has most room then.
    """
    first, *parts = pattern.split("*")
    if not parts:
        return text == first
    last, at = parts.pop(), len(first)
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    end = len(text) - len(last)
    for part in parts:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
