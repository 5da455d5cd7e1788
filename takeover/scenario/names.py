"""What Kubernetes takes as a name, a key or a port: a name that passes here is no path, and no more than one word.

Each function says what is wrong, or nothing. See `k8s.io/apimachinery/pkg/util/validation`, and the Kubernetes page
"Object Names and IDs".
"""

import re

MOST_BYTES_OF_CONFIG_MAP = 1 << 20
"""Of all its values."""

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_WORD = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_PORT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_PATH_SEGMENT = re.compile(r"[!-$&-.0-~]+")
_VARIABLE = re.compile(r"[ -<>-~]+")  # printable ASCII but =

_OF_LABEL = "small letters, digits and -, at most 63, beginning and ending with a letter or digit"
_OF_LABEL_1035 = "small letters, digits and -, at most 63, beginning with a letter, ending with a letter or digit"
_OF_SUBDOMAIN = (
    "small letters, digits, - and ., at most 253, each part between dots beginning and ending with a letter or digit"
)
_OF_KEY = "letters, digits and -_., at most 253, and neither . nor beginning with .."
_OF_WORD = "letters, digits and -_., at most 63, beginning and ending with a letter or digit"
_OF_PORT_NAME = "small letters, digits and single -, at most 15, with a letter, beginning and ending with none of -"

_OF_PATH_SEGMENT = "printable ASCII characters but / and %, at most 253, and neither . nor .."

_NAMES = {
    "Namespace": "label",
    "Service": "1035",
    **dict.fromkeys(("ConfigMap", "Secret", "Pod", "ServiceAccount"), "subdomain"),
    "Deployment": "subdomain",
}


def wrong_label(name: str) -> str:
    """Of a Namespace, a container, a volume (RFC 1123)."""
    return "" if len(name) <= 63 and _LABEL.fullmatch(name) else _must_be(name, _OF_LABEL)


def wrong_subdomain(name: str) -> str:
    """Of most objects, of a host (RFC 1123)."""
    return "" if len(name) <= 253 and _SUBDOMAIN.fullmatch(name) else _must_be(name, _OF_SUBDOMAIN)


def wrong_object_name(kind: str, name: str) -> str:
    """Of an object of that kind; a Service's is also a host's (RFC 1035)."""
    match _NAMES.get(kind):
        case "label":
            return wrong_label(name)
        case "1035":
            return "" if len(name) <= 63 and _LABEL_1035.fullmatch(name) else _must_be(name, _OF_LABEL_1035)
        case "subdomain":
            return wrong_subdomain(name)
        case _:  # such as the names of roles
            is_segment = len(name) <= 253 and _PATH_SEGMENT.fullmatch(name) and name not in (".", "..")
            return "" if is_segment else _must_be(name, _OF_PATH_SEGMENT)


def wrong_config_map_key(key: str) -> str:
    """Of a ConfigMap's data: it becomes a file's name."""
    is_key = len(key) <= 253 and _KEY.fullmatch(key) and key != "." and not key.startswith("..")
    return "" if is_key else _must_be(key, _OF_KEY)


def wrong_label_value(value: str) -> str:
    """Of a label's value, of a scenario's name (which becomes one)."""
    return "" if not value or (len(value) <= 63 and _WORD.fullmatch(value)) else _must_be(value, _OF_WORD)


def wrong_label_key(key: str) -> str:
    """Of a label's or an annotation's key: a word, and before it perhaps a host's name and a slash."""
    prefix, slash, word = key.rpartition("/")
    if slash and (wrong := wrong_subdomain(prefix)):
        return wrong
    return "" if len(word) <= 63 and _WORD.fullmatch(word) else _must_be(key, _OF_WORD)


def wrong_port(port: int | str) -> str:
    """Of a port by its number or name."""
    if isinstance(port, int):
        return "" if 1 <= port <= 65535 else f"is {port}; a port is a number from 1 to 65535"
    is_name = len(port) <= 15 and _PORT_NAME.fullmatch(port) and "--" not in port and not port.isdigit()
    is_name = is_name and any(each.isalpha() for each in port)
    return "" if is_name else _must_be(port, _OF_PORT_NAME)


def wrong_variable(name: str) -> str:
    """Of an environment variable's name."""
    return "" if _VARIABLE.fullmatch(name) else _must_be(name, "printable ASCII characters but =")


def _must_be(name: str, form: str) -> str:
    shown = name if len(name) <= 80 else f"{name[:77]}..."
    return f"is {shown!a}; it must be of {form}" if name else f"is empty; it must be of {form}"
