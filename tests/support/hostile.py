"""Two hundred and more bodies of a post that nobody means well with: fixed, so that a failure can be sent again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote_plus

FORM = "application/x-www-form-urlencoded"
# What the forms of all rooms ask for, so that each value reaches a field whatever the address.
NAMES = (
    "act address again agree born_day born_month born_year change code contrast csrfmiddlewaretoken day did done email "
    "ending file form_key from gone harm kind medicines method name next note number outcome password phone precaution "
    "question questions reason regions replaces said sessions sha256 sign statement strokes students tablet text "
    "text_size time token typed_name until username visit what what_matters who"
).split()
VALUES = [
    *(
        f"{before}{sign}2"
        for before in ("", "1", "x")
        for sign in ("=", "+", "-", "@", "\t", "|", "/", "%", "#", "&", ";")
    ),
    *(
        "\0",
        "a\0b",
        "\x01",
        "\x08",
        "\x1b[31m",
        "\x7f",
        "\x85",
        "\ufeff",
        "\ufffe",
        "\uffff",
        "\ud800",
        "\udfff",
        "a\ud83d",
    ),
    *("\u202e", "\u202eabc\u202c", "\u2066x\u2069", "\u200e", "\u061c", "\u200b", "\u2028", "\u2029", "e\u0301" * 500),
    *("", " ", "\t", "\n" * 5_000, "\r", "\r\n", "x" * 4_000, "x" * 4_001, "x" * 100_000, "\U0001f9d1" * 5_000),
    *("0", "-1", "-0", "00", "1e400", "1e-400", "NaN", "Infinity", "-Infinity", "1" * 400, "9" * 5_000, str(2**63)),
    *(
        str(2**64),
        str(-(2**63) - 1),
        "1.5",
        "1,5",
        "0x10",
        "1_000",
        "٣",
        "²",
        "½",
        "１２",
        "true",
        "null",
        "None",
        "[]",
        "{}",
    ),
    *(
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "{{ 7*7 }}",
        "{% load x %}",
        "${7*7}",
        "%s%n",
        "'",
        '"',
    ),
    *(
        "' OR 1=1 --",
        "'; DROP TABLE clinic_visit; --",
        "../../etc/passwd",
        "..\\..\\x",
        "/etc/passwd",
        "file:///etc/passwd",
    ),
    *(
        "http://127.0.0.1:1/",
        "//evil.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "=cmd|' /C calc'!A0",
        "@SUM(1)",
    ),
    *(
        "2026-02-30",
        "0000-00-00",
        "9999-12-31",
        "99999-01-01",
        "1-1-1",
        "24:00",
        "99:99",
        "-1:-1",
        "31",
        "12",
        "2026",
        "13",
    ),
    *(
        "a@b",
        "a@b.c\nBcc: x@y.z",
        "a" * 300 + "@b.example",
        "@",
        "left_calf",
        "yes",
        "unsure",
        "none",
        "on",
        "off",
        "agree",
    ),
    *(
        "send",
        "refuse",
        "consent",
        "back",
        "stopped",
        "drawn",
        "typed",
        "assisted",
        "1.1",
        "1.1:x",
        "a:b:c",
        ":" * 50,
        "0.0:",
    ),
]
STROKES = [
    *(
        "[[[0,0,0]]]",
        "[[[0,0,NaN]]]",
        "[[[0,0,Infinity]]]",
        "[[[1e400,0,0]]]",
        "[[[0.5,0,0]]]",
        "[[[-1,0,0]]]",
        "[[[601,0,0]]]",
    ),
    *(
        "[[[true,0,0]]]",
        "[[[null,0,0]]]",
        '[[["0",0,0]]]',
        "[[[0,0]]]",
        "[[[0,0,0,0]]]",
        "[[]]",
        "[]",
        "{}",
        '""',
        "0",
        "null",
    ),
    *(
        "[" * 30_000,
        "[" * 30_000 + "]" * 30_000,
        '{"a":' * 5_000,
        "[[[" + "9" * 5_000 + ",0,0]]]",
        '"\\ud800"',
        "[[[0,0,0]",
    ),
    *(json.dumps([[[1, 1, 1]] * 4_001]), json.dumps([[[1, 1, 1]]] * 51), json.dumps([[[1, 1, 1]] * 9_000]), "[1,2,3]"),
]
RAW = [
    *(
        b"",
        b"&",
        b"&&&&",
        b"=",
        b"====",
        b"%",
        b"%%%",
        b"%zz=%zz",
        b"%00=%00",
        b"a=%ff%fe",
        b"\xff\xfe=\x00",
        b"a=%ed%a0%80",
    ),
    *(
        b"name=" + b"x" * 1_100_000,
        b"&".join(b"f%d=1" % each for each in range(400)),
        b"name=1&" * 290,
        b"\x00" * 1_000,
    ),
    *(b"name=%C0%AF", b"name=%F8%80%80%80", b"__proto__=1", b"is_superuser=on&is_manager=on&is_staff=on", b"pk=1&id=1"),
]
KINDS = [
    *(
        FORM,
        f"{FORM}; charset=utf-7",
        f"{FORM}; charset=utf-16",
        f"{FORM}; charset=no-such",
        "text/plain",
        "application/json",
    ),
    *(
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=x",
        "application/xml",
        "",
        "\t",
    ),
    *("multipart/form-data; boundary=" + "x" * 300, "image/png"),
]
PARTS = [
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nname,born\r\n\xff\xfe\r\n--x--\r\n',
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="../../x"\r\n\r\n\0\r\n--x--\r\n',
    b'--x\r\nContent-Disposition: form-data; name="strokes"; filename="s.svg"\r\n\r\n<svg onload="x"/>\r\n--x--\r\n',
    b'--x\r\nContent-Disposition: form-data; name="name"\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!\r\n--x--\r\n',
    b"--x\r\nContent-Disposition: form-data\r\n\r\n",
    b'{"a": NaN}',
    b"[" * 50_000,
]


def bodies() -> list[tuple[bytes, str]]:
    """Return every body with its content type, always in the same order."""
    return list(_bodies())


def _bodies() -> Iterator[tuple[bytes, str]]:
    for value in VALUES:
        yield _everywhere(value), FORM
    for drawing in STROKES:
        yield _everywhere("on", strokes=drawing, method="drawn", act="agree"), FORM
    for raw in RAW:
        yield raw, FORM
    for kind in KINDS:
        yield b"name=Alex&act=send&text=x", kind
    for part in PARTS:
        yield part, "multipart/form-data; boundary=x"


def _everywhere(value: str, **more: str) -> bytes:
    said = {**dict.fromkeys(NAMES, value), **more}
    return "&".join(
        f"{name}={quote_plus(each.encode('utf-8', 'surrogatepass'))}" for name, each in said.items()
    ).encode()
