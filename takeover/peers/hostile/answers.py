"""What the hostile upstream answers over HTTP, by the name of the behaviour. One line more is one behaviour more.

An answer is what is sent and done, step by step. Without CLOSE or RESET the connection stays for the next request.
"""

from enum import Enum


class Act(Enum):
    """What is done instead of sending."""

    STALL = 1
    RESET = 2
    CLOSE = 3
    PAUSE = 4


STALL, RESET, CLOSE, PAUSE = Act.STALL, Act.RESET, Act.CLOSE, Act.PAUSE
Step = bytes | Act

_OK = b"HTTP/1.1 200 OK\r\n"
_TEXT = b"content-type: text/plain\r\n"
_SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n"
_CHUNKED = _OK + _TEXT + b"transfer-encoding: chunked\r\n"
_CUT = _OK + _TEXT + b"content-length: 100\r\n\r\nonly this\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_LATER: list[Step] = [PAUSE] * 17  # a third of a second


def plain(status: str, *headers: str, body: bytes = b"hostile\n") -> bytes:
    """A whole answer with a Content-Length. `status`: "200 OK"."""
    lines = [f"HTTP/1.1 {status}", *headers, f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def as_asked(head: bytes, answer: bytes) -> bytes:
    """An honest answer to a request with that head: who asks by HEAD gets no body (RFC 9110, 9.3.2)."""
    if not head.startswith(b"HEAD "):
        return answer
    sent = b""
    while True:
        first, end, answer = answer.partition(b"\r\n\r\n")
        sent += first + end
        if not first.startswith(b"HTTP/1.1 1"):  # none that comes before the answer
            return sent


HELLO = plain("200 OK", "content-type: text/plain")

ANSWERS: dict[str, list[Step]] = {
    # How an answer does not come, or does not end.
    "close-at-once": [CLOSE],
    "reset-at-once": [RESET],
    "stall": [STALL],
    "half-a-status-line": [b"HTTP/1.1 20", CLOSE],
    "close-in-head": [_OK + b"x-begun: yes\r\n", CLOSE],
    "reset-after-answer": [HELLO, RESET],  # at the instant at which it was written
    "reset-in-head": [_OK + b"x-begun: yes\r\n", PAUSE, RESET],
    "stall-in-head": [_OK + b"x-begun: yes\r\n", STALL],
    "stall-after-head": [_OK + _TEXT + b"content-length: 8\r\n\r\n", STALL],
    "stall-in-body": [_OK + _TEXT + b"content-length: 8\r\n\r\nhost", STALL],
    "short-body": [_CUT, CLOSE],
    "reset-in-body": [_CUT, PAUSE, RESET],
    "long-body": [_OK + _TEXT + b"content-length: 3\r\n\r\nfar too long\n"],
    "in-pieces": [b"HTTP/1.1 200", PAUSE, b" OK\r\ncontent-", PAUSE, b"length: 6\r\n\r\nab", PAUSE, b"cdef"],
    # No HTTP.
    "garbage": [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 garbage \x00\xff\r\n\r\n"],
    "text-only": [b"hello, I am no web server\r\n\r\n", CLOSE],
    "http-0.9": [b"<p>no head at all</p>\n", CLOSE],
    "http-1.0": [b"HTTP/1.0 200 OK\r\n" + _TEXT + b"\r\nuntil the end\n", CLOSE],
    "http-1.0-keep-alive": [b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\nkept\n"],
    "http-1.2": [b"HTTP/1.2 200 OK\r\ncontent-length: 4\r\n\r\n1.2\n"],
    "http-2.0": [b"HTTP/2.0 200 OK\r\ncontent-length: 4\r\n\r\n2.0\n"],
    "http-2-settings": [b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"],
    # Odd status lines.
    "no-reason": [b"HTTP/1.1 200\r\ncontent-length: 3\r\n\r\nok\n"],
    "no-reason-but-a-blank": [b"HTTP/1.1 200 \r\ncontent-length: 3\r\n\r\nok\n"],
    "long-reason": [plain("200 " + "very " * 100 + "fine")],
    "odd-reason": [plain("200 \xe4h\t?!")],
    "status-099": [plain("099 Too Small")],
    "status-299": [plain("299 Unheard Of")],
    "status-600": [plain("600 Beyond")],
    "status-999": [plain("999 Far Beyond")],
    "status-1000": [plain("1000 Four Digits")],
    "status-of-letters": [plain("two OK")],
    "negative-status": [plain("-200 Less")],
    "line-feeds-only": [b"HTTP/1.1 200 OK\ncontent-length: 3\n\nok\n"],
    "blank-lines-first": [b"\r\n\r\n" + HELLO],
    # Answers before the answer.
    "continue": [CONTINUE + HELLO],
    "continue-twice": [CONTINUE * 2 + HELLO],
    "continue-with-headers": [b"HTTP/1.1 100 Continue\r\nx-before: yes\r\n\r\n" + HELLO],
    "continue-only": [CONTINUE, STALL],
    "processing": [b"HTTP/1.1 102 Processing\r\n\r\n" + HELLO],
    "early-hints": [b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n" + HELLO],
    "status-199": [b"HTTP/1.1 199 Whatever\r\n\r\n" + HELLO],
    "switching": [_SWITCHING + b"upgrade: websocket\r\n\r\nframes", CLOSE],
    "switching-to-h2c": [_SWITCHING + b"upgrade: h2c\r\n\r\n", CLOSE],
    # Answers without a body, and those that bring one nevertheless.
    "no-content": [b"HTTP/1.1 204 No Content\r\n\r\n"],
    "no-content-length-0": [plain("204 No Content", body=b"")],
    "no-content-with-body": [plain("204 No Content")],
    "reset-content": [plain("205 Reset Content", body=b"")],
    "not-modified": [b'HTTP/1.1 304 Not Modified\r\netag: "1"\r\n\r\n'],
    "not-modified-with-length": [b'HTTP/1.1 304 Not Modified\r\netag: "1"\r\ncontent-length: 8\r\n\r\n'],
    "not-modified-with-body": [plain("304 Not Modified")],
    "empty": [plain("200 OK", body=b"")],
    # The end of the body.
    "until-the-end": [_OK + _TEXT + b"\r\nuntil the end\n", CLOSE],
    "chunked": [_CHUNKED + b"\r\n5\r\nhosti\r\n3\r\nle\n\r\n0\r\n\r\n"],
    "chunked-empty": [_CHUNKED + b"\r\n0\r\n\r\n"],
    "chunk-extension": [_CHUNKED + b"\r\n8;name=value\r\nhostile\n\r\n0;last\r\n\r\n"],
    "chunk-not-hex": [_CHUNKED + b"\r\nxyz\r\nhostile\n\r\n0\r\n\r\n", CLOSE],
    "chunk-too-long": [_CHUNKED + b"\r\nffffffffffffffffff\r\nhostile\n\r\n0\r\n\r\n", CLOSE],
    "chunk-cut": [_CHUNKED + b"\r\n8\r\nhost", CLOSE],
    "chunk-without-last": [_CHUNKED + b"\r\n8\r\nhostile\n\r\n", CLOSE],
    "trailers": [_CHUNKED + b"trailer: x-after\r\n\r\n8\r\nhostile\n\r\n0\r\nx-after: yes\r\n\r\n"],
    "trailer-of-framing": [_CHUNKED + b"\r\n8\r\nhostile\n\r\n0\r\ncontent-length: 99\r\nhost: evil\r\n\r\n"],
    "length-twice-same": [_OK + b"content-length: 8\r\ncontent-length: 8\r\n\r\nhostile\n"],
    "length-twice-other": [_OK + b"content-length: 8\r\ncontent-length: 4\r\n\r\nhostile\n"],
    "length-list": [_OK + b"content-length: 8, 8\r\n\r\nhostile\n"],
    "length-negative": [_OK + b"content-length: -8\r\n\r\nhostile\n"],
    "length-plus": [_OK + b"content-length: +8\r\n\r\nhostile\n"],
    "length-of-letters": [_OK + b"content-length: eight\r\n\r\nhostile\n"],
    "length-and-chunked": [_OK + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n8\r\nhostile\n\r\n0\r\n\r\n"],
    "gzip-chunked": [_OK + b"transfer-encoding: gzip, chunked\r\n\r\n8\r\nhostile\n\r\n0\r\n\r\n"],
    "encoding-unknown": [_OK + b"transfer-encoding: rot13\r\n\r\nhostile\n", CLOSE],
    "encoding-identity": [_OK + b"transfer-encoding: identity\r\n\r\nhostile\n", CLOSE],
    # Headers.
    "header-case": [plain("200 OK", "X-Mixed-Case: Yes", "X-UPPER: YES", "x-lower: yes")],
    "header-twice": [plain("200 OK", "x-twice: 1", "x-between: 0", "x-twice: 2")],
    "header-empty": [plain("200 OK", "x-empty:", "x-blank:  ")],
    "header-blanks": [plain("200 OK", "x-blanks: \t padded \t ")],
    "header-folded": [plain("200 OK", "x-folded: one", "  two")],
    "header-underscore": [plain("200 OK", "x_under_score: yes")],
    "header-blank-before-colon": [plain("200 OK", "x-blank : yes")],
    "header-blank-in-name": [plain("200 OK", "x blank: yes")],
    "header-without-colon": [plain("200 OK", "no colon here")],
    "header-without-name": [plain("200 OK", ": nameless")],
    "header-latin-1": [plain("200 OK", "x-caf\xe9: 1"), CLOSE],
    "header-value-latin-1": [plain("200 OK", "x-value: caf\xe9")],
    "header-value-utf-8": [plain("200 OK", "x-value: caf\xc3\xa9")],
    "header-nul": [plain("200 OK", "x-nul: a\x00b"), CLOSE],
    "header-carriage-return": [plain("200 OK", "x-cr: a\rb"), CLOSE],
    "header-delete": [plain("200 OK", "x-del: a\x7fb")],
    "headers-99": [plain("200 OK", *[f"x-{number}: {number}" for number in range(96)])],
    "headers-101": [plain("200 OK", *[f"x-{number}: {number}" for number in range(101)])],
    "header-8k": [plain("200 OK", "x-long: " + "a" * 8000)],
    "header-50k": [plain("200 OK", "x-long: " + "a" * 50000)],
    "header-70k": [plain("200 OK", "x-long: " + "a" * 70000)],
    "cookies": [plain("200 OK", "set-cookie: a=1; path=/", "set-cookie: b=2")],
    "hop-by-hop": [plain("200 OK", "connection: x-mine", "x-mine: 1", "keep-alive: timeout=5")],
    "connection-close": [plain("200 OK", "connection: close"), CLOSE],
    "connection-close-stays": [plain("200 OK", "connection: close")],
    "connection-keep-alive": [plain("200 OK", "connection: keep-alive", "keep-alive: timeout=5")],
    "connection-keep-alive-close": [plain("200 OK", "connection: keep-alive, close")],
    "connection-close-keep-alive": [plain("200 OK", "connection: close", "connection: keep-alive")],
    "connection-close-in-capitals": [plain("200 OK", "Connection: CLOSE")],
    "connection-close-no-content": [b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"],
    "connection-close-not-modified": [b"HTTP/1.1 304 Not Modified\r\nconnection: close\r\n\r\n"],
    "connection-close-chunked": [_CHUNKED + b"connection: close\r\n\r\n8\r\nhostile\n\r\n0\r\n\r\n"],
    "connection-upgrade": [plain("200 OK", "connection: upgrade", "upgrade: h2c")],
    "proxy-connection-close": [plain("200 OK", "proxy-connection: close")],
    "keep-alive-of-nothing": [plain("200 OK", "keep-alive: timeout=0, max=0")],
    "http-1.0-with-length": [b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nkept\n"],
    "http-1.0-close": [b"HTTP/1.0 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nkept\n"],
    "http-1.0-chunked": [b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nkept\n\r\n0\r\n\r\n"],
    "own-date-and-server": [plain("200 OK", "date: Thu, 01 Jan 1970 00:00:00 GMT", "server: hostile")],
    "envoy-headers": [
        plain(
            "200 OK",
            "x-envoy-upstream-service-time: 123456",
            "x-envoy-overloaded: true",
            "x-envoy-immediate-health-check-fail: true",
            "x-envoy-ratelimited: true",
            "x-envoy-attempt-count: 7",
            "x-request-id: of-the-upstream",
        )
    ],
    "location": [plain("302 Found", "location: http://127.0.0.1:80/elsewhere?a=b")],
    "content-encoding": [plain("200 OK", "content-encoding: gzip", "vary: accept-encoding")],
    "challenge": [plain("401 Unauthorized", 'www-authenticate: Basic realm="hostile"', "www-authenticate: Bearer")],
    "retry-after": [plain("503 Service Unavailable", "retry-after: 7")],
    # The authentication service's verdicts, with what it should have no say in.
    "allow": [plain("200 OK", "x-auth-user: alice")],
    "allow-nobody": [plain("200 OK")],
    "allow-empty-user": [plain("200 OK", "x-auth-user:")],
    "allow-two-users": [plain("200 OK", "x-auth-user: alice", "x-auth-user: bob")],
    "allow-by-201": [plain("201 Created", "x-auth-user: alice")],
    "allow-by-204": [b"HTTP/1.1 204 No Content\r\nx-auth-user: alice\r\n\r\n"],
    "allow-by-206": [plain("206 Partial Content", "x-auth-user: alice")],
    "allow-by-304": [b"HTTP/1.1 304 Not Modified\r\nx-auth-user: alice\r\n\r\n"],
    "allow-and-rewrite": [
        plain(
            "200 OK",
            "x-auth-user: alice",
            "host: elsewhere",
            "x-envoy-original-path: /elsewhere",
            "x-envoy-auth-headers-to-remove: x-secret",
            "x-forwarded-for: 192.0.2.9",
            "x-other: from-the-service",
            "authorization: Bearer stolen",
        )
    ],
    "allow-by-head-then-stall": [_OK + b"x-auth-user: alice\r\ncontent-length: 8\r\n\r\n", STALL],
    "allow-short-body": [_OK + b"x-auth-user: alice\r\ncontent-length: 100\r\n\r\nonly this\n", CLOSE],
    "deny-by-302": [plain("302 Found", "location: https://login.example/?a=b")],
    "deny-by-400": [plain("400 Bad Request")],
    "deny-by-401": [plain("401 Unauthorized", 'www-authenticate: Basic realm="hostile"')],
    "deny-by-403": [plain("403 Forbidden", "x-why: not-you", "set-cookie: a=1", "set-cookie: b=2")],
    "deny-by-404": [plain("404 Not Found")],
    "deny-by-407": [plain("407 Proxy Authentication Required", "proxy-authenticate: Basic")],
    "deny-by-429": [plain("429 Too Many Requests", "retry-after: 7", "x-envoy-ratelimited: true")],
    "deny-by-499": [plain("499 Unheard Of")],
    "deny-by-500": [plain("500 Internal Server Error")],
    "deny-by-502": [plain("502 Bad Gateway")],
    "deny-by-503": [plain("503 Service Unavailable", "retry-after: 7")],
    "deny-by-599": [plain("599 Unheard Of")],
    "deny-with-envoy-headers": [
        plain("403 Forbidden", "x-envoy-upstream-service-time: 1", "x-envoy-overloaded: true", "server: hostile")
    ],
    "deny-with-50k": [plain("403 Forbidden", body=b"a" * 50000)],
    "deny-chunked": [b"HTTP/1.1 403 Forbidden\r\ntransfer-encoding: chunked\r\n\r\n8\r\nhostile\n\r\n0\r\n\r\n"],
}  # fmt: skip

STATUSES = (*range(200, 207), *range(300, 309), *range(400, 432), 451, *range(500, 512), 599)
"""Those of the behaviours `answers-STATUS`: an honest answer with that status."""
BODILESS = (204, 205, 304)

for _status in STATUSES:
    _answer = f"HTTP/1.1 {_status} As Asked\r\n\r\n".encode() if _status in BODILESS else plain(f"{_status} As Asked")
    ANSWERS[f"answers-{_status}"] = [_answer]

AT_ONCE: dict[str, list[Step]] = {
    "answer-at-once": [HELLO],
    "answer-at-once-and-close": [HELLO, CLOSE],
    "answer-at-once-and-say-close": [plain("200 OK", "connection: close"), CLOSE],
    "answer-at-once-until-the-end": [_OK + b"\r\nuntil the end\n", CLOSE],
    "refuse-at-once": [plain("413 Payload Too Large")],
    "refuse-at-once-and-close": [plain("413 Payload Too Large", "connection: close"), CLOSE],
    "stop-at-once": [_CUT, CLOSE],
    "reset-in-body-at-once": [_CUT, PAUSE, RESET],
    "stop-later": [_CUT, *_LATER, CLOSE],
    "reset-later": [_CUT, *_LATER, RESET],
    "answer-and-reset-at-once": [HELLO, PAUSE, RESET],
    "no-content-at-once": [b"HTTP/1.1 204 No Content\r\n\r\n"],
    "no-content-and-close-at-once": [b"HTTP/1.1 204 No Content\r\n\r\n", CLOSE],
    "trailers-at-once": [_CHUNKED + b"\r\n8\r\nhostile\n\r\n0\r\nx-after: yes\r\n\r\n"],
    "trailers-and-close-at-once": [_CHUNKED + b"\r\n8\r\nhostile\n\r\n0\r\nx-after: yes\r\n\r\n", CLOSE],
    "chunk-cut-at-once": [_CHUNKED + b"\r\n8\r\nhost", CLOSE],
    "head-cut-at-once": [_OK + b"x-begun: yes\r\n", CLOSE],
    "end-at-once": [CLOSE],
    "error-and-close-at-once": [plain("503 Service Unavailable"), CLOSE],
    "moved-and-close-at-once": [plain("302 Found", "location: http://a/plain/elsewhere"), CLOSE],
}  # fmt: skip
"""What is answered before the request's body has come; without CLOSE that is taken after it."""

# Some answers before the answer, each with a header; and then another one, or none.
_BEFORE = {"100": "Continue", "102": "Processing", "103": "Early Hints"}
_THEN: dict[str, list[Step]] = {
    "101": [_SWITCHING + b"upgrade: websocket\r\n\r\nframes", CLOSE],
    "200": [HELLO],
    "204": [b"HTTP/1.1 204 No Content\r\n\r\n"],
    "302": [plain("302 Found", "location: http://a.test/plain/elsewhere")],
    "304": [b'HTTP/1.1 304 Not Modified\r\netag: "1"\r\n\r\n'],
    "503": [plain("503 Service Unavailable")],
    "stall": [STALL],
    "close": [CLOSE],
    "reset": [RESET],
}
INTERIM = ("100", "102", "103", "103-103", "100-102-103")
"""The statuses that come first, in the names of behaviours: `interim-STATUSES-then-END`."""

for _codes in INTERIM:
    _lines = (f"HTTP/1.1 {code} {_BEFORE[code]}\r\nx-interim: {code}\r\n\r\n" for code in _codes.split("-"))
    _first = "".join(_lines).encode()
    ANSWERS |= {f"interim-{_codes}-then-{then}": [_first, PAUSE, *steps] for then, steps in _THEN.items()}
