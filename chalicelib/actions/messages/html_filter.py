"""HTML for mail: what values put in was escaped already; this takes out what no mail should carry whoever wrote it: scripts, event handlers, and links and
sources of other schemes than the harmless ones. Style sheets and the document's frame stay, as mail needs them."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

_DROPPED_WITH_CONTENT = frozenset(("script", "iframe", "object", "applet", "noscript", "template", "svg", "math", "frameset"))
_DROPPED = frozenset(("embed", "base", "link", "form", "input", "button", "textarea", "select", "frame", "param", "audio", "video", "source"))
_VOID = frozenset(("area", "br", "col", "hr", "img", "meta", "wbr", "embed", "base", "link", "input", "frame", "param", "source"))
_URLS = frozenset(("href", "src", "action", "formaction", "background", "cite", "poster", "longdesc", "xlink:href", "data", "srcset", "ping", "dynsrc", "lowsrc"))
_SAFE_URL = re.compile(r"(?:https?://|mailto:|tel:|sms:|cid:|#|data:image/(?:png|jpe?g|gif|webp);)", re.IGNORECASE)
_BAD_STYLE = re.compile(r"expression\s*\(|javascript:|vbscript:|@import|behavior\s*:|-moz-binding|url\s*\(\s*['\"]?\s*(?!https?:|cid:|data:image/)", re.IGNORECASE)
_NAME = re.compile(r"[a-z][a-z0-9:_-]*\Z")
_SPACE = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028\u2029\ufeff]+")


def safe_url(url: str) -> bool:
    """Whether a link may be followed from a message: http, https, mailto, tel and the like; control characters and white space are not overlooked."""
    return _SAFE_URL.match(_SPACE.sub("", html.unescape(url))) is not None


def clean_html(source: str) -> str:
    """The document without what could act or lead astray."""
    cleaner = _Cleaner()
    cleaner.feed(source)
    cleaner.close()
    return "".join(cleaner.out)


def text_of_html(source: str) -> str:
    """A plain text for readers without HTML: words, line breaks, and the addresses of links."""
    reader = _Reader()
    reader.feed(source)
    reader.close()
    lines = [" ".join(line.split()) for line in "".join(reader.out).splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Cleaner(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.out: list[str] = []
        self._within: list[str] = []  # dropped elements that are open
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _DROPPED_WITH_CONTENT:
            self._within.append(tag)
        if self._within or tag in _DROPPED or not _NAME.match(tag):
            return
        if tag == "meta" and any(name == "http-equiv" and (value or "").lower() == "refresh" for name, value in attrs):
            return
        self._style = tag == "style"
        self.out.append(f"<{tag}{''.join(self._attribute(name, value) for name, value in attrs)}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _DROPPED_WITH_CONTENT:
            return  # `<script/>` opens nothing in XHTML, and its content is dropped by what follows in HTML
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _DROPPED_WITH_CONTENT:
            if tag in self._within:
                del self._within[self._within.index(tag) :]
            return
        self._style = False
        if not self._within and tag not in _DROPPED and tag not in _VOID and _NAME.match(tag):
            self.out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self._within:
            return
        if self._style:
            self.out.append("" if _BAD_STYLE.search(data) else data.replace("<", ""))
        else:
            self.out.append(data.replace("<", "&lt;").replace(">", "&gt;"))

    def handle_entityref(self, name: str) -> None:
        if not self._within:
            self.out.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        if not self._within:
            self.out.append(f"&#{name};")

    def handle_decl(self, decl: str) -> None:
        if decl.lower().startswith("doctype"):
            self.out.append("<!doctype html>")

    @staticmethod
    def _attribute(name: str, value: str | None) -> str:
        if not _NAME.match(name) or name.startswith("on") or name == "srcdoc":
            return ""
        if value is None:
            return f" {name}"
        if name in _URLS and not safe_url(value):
            return ""
        if name == "style" and _BAD_STYLE.search(value):
            return ""
        return f' {name}="{html.escape(value)}"'


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self._hidden = 0
        self._link: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("style", "script", "head", "title"):
            self._hidden += 1
        elif tag in ("br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "table", "blockquote"):
            self.out.append("\n" if tag in ("br", "tr", "li") else "\n\n")
        elif tag == "a":
            href = dict(attrs).get("href") or ""
            self._link = href if safe_url(href) and href.lower().startswith("http") else None

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script", "head", "title"):
            self._hidden = max(0, self._hidden - 1)
        elif tag in ("p", "div", "h1", "h2", "h3", "h4", "table"):
            self.out.append("\n")
        elif tag == "a" and self._link:
            self.out.append(f" ({self._link})")
            self._link = None

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.out.append(re.sub(r"\s+", " ", data))
