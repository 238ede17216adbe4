"""Links of templates: the server takes what a browser takes. Compared with node's `new URL`, another parser
of the same standard.
"""

import json
import shutil
import subprocess

import pytest

from server.core.urls import url_fault

URLS = [
    # A host and a port, as they should be.
    *("https://shop.example", "https://shop.example/", "https://shop.example:443/x"),
    *("https://shop.example:0/x", "https://shop.example:65535/x", "https://shop.example:/x"),
    *("HTTPS://Shop.Example/x", "https://shop.example./", "https://a.b-c.example/x?y=z#q"),
    *(
        "https://localhost/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://[2001:db8::1]:8443/",
    ),
    # Names that are not ASCII, and names that only look like it.
    *(
        "https://例え.jp/x",
        "https://xn--r8jz45g.jp/",
        "https://bücher.example/",
        "https://ｓｈｏｐ.example/",
    ),
    *("https://faß.example/", "https://商店.example/课程?名=值", "https://xn--a/", "https://xn--/"),
    *("https://a\u00adb.example/", "https://\u2603.example/", "https://a。b/"),
    # Invalid ports.
    *("https://shop.example:99999/x", "https://shop.example:65536/", "https://shop.example:-1/"),
    *("https://shop.example:8o/", "https://shop.example:１/", "https://shop.example:443:443/"),
    # Invalid hosts.
    *(
        "https://",
        "https:///",
        "https://?x",
        "https://#x",
        "https://:443/",
        "https://./",
        "https://../",
    ),
    *(
        "https://a..b/",
        "https://%/",
        "https://%zz/",
        "https://a%00b/",
        "https://a%20b/",
        "https://a%2fb/",
    ),
    *(
        "https://[::1",
        "https://[::g]/",
        "https://[1.2.3]/",
        "https://1.2.3.4.5/",
        "https://256.1.1.1/",
    ),
    *(
        "https://0x7f.1/",
        "https://a<b/",
        "https://a|b/",
        "https://a^b/",
        "https://a`b/",
        "https://a_b/",
    ),
    # A name and password.
    *("https://user:pw@shop.example/", "https://user@shop.example/", "https://@shop.example/"),
    *("https://:@shop.example/", "https://a@b@shop.example/", "https://shop.example/x@y"),
    # Another scheme, or none.
    *("http://shop.example/", "ftp://shop.example/", "javascript:alert(1)", "data:text/html,x"),
    *(
        "//shop.example/",
        "shop.example/x",
        "https:shop.example",
        "https:/shop.example",
        "mailto:a@b.c",
    ),
    # White space, control characters, backslashes.
    *(
        " https://shop.example/",
        "https://shop.example/ x",
        "https://shop.example/\tx",
        "https://a\nb/",
    ),
    *(
        "https:\\\\shop.example\\x",
        "https://shop.example\\@evil.example/",
        "https://shop.example/\x7f",
    ),
    # The school's own pages.
    *(
        "/courses",
        "/courses?from=live#top",
        "/",
        "/a//b",
        "/课程",
        "/\\evil.example",
        "///evil.example",
    ),
]

# What a page would do with them. `new URL` accepts white space, backslashes and missing slashes; a link of a
# template must not rely on that.
_DECIDE = r"""
const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
const decide = (text) => {
  if (/[\s\\\u0000-\u0020\u007f]/.test(text)) return false;
  if (/^\/(?!\/)/.test(text)) return new URL(text, "https://school.example").host === "school.example";
  if (!/^https:\/\/[^/?#]/i.test(text) || /^https:\/\/[^/?#]*@/i.test(text)) return false;
  try {
    const url = new URL(text);
    return url.protocol === "https:" && url.username === "" && url.password === "";
  } catch {
    return false;
  }
};
process.stdout.write(JSON.stringify(asked.map(decide)));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_a_link_is_taken_exactly_where_a_browser_takes_it() -> None:
    node = subprocess.run(
        ["node", "-e", _DECIDE],
        input=json.dumps(URLS),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    browser = dict(zip(URLS, json.loads(node.stdout), strict=True))
    assert {url: url_fault(url) is None for url in URLS} == browser
    assert {True, False} == set(browser.values())


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://shop.example:99999/x", "not_a_url"),
        ("https://user:pw@shop.example/", "credentials"),
        ("http://shop.example/", "not_a_url"),
        ("https://shop.example/x", None),
    ],
)
def test_a_link_that_is_refused_says_why(url: str, fault: str | None) -> None:
    assert url_fault(url) == fault
