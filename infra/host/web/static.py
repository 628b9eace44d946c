"""The web app's files: only what stands under its folder, with the headers a browser needs to keep them in their place."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.host.web.gateway import Headers

# Mantine and the canvas set style attributes; scripts come from our own files only.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
SECURITY_HEADERS = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Permissions-Policy", "camera=(), microphone=(), geolocation=()"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
    ".ico": "image/x-icon",
}
PACKED = frozenset({".js", ".mjs", ".css", ".html", ".json", ".svg", ".txt", ".map", ".wasm"})
PACK_FROM = 1024
CACHED_FILE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent; `packed` is its gzip form where that is smaller."""

    stamp: tuple[int, int]
    etag: str
    content_type: str
    body: bytes
    packed: bytes | None


class StaticFiles:
    """Serves a folder. Bodies are kept in memory and read again when a file changes."""

    def __init__(self, *folders: Path) -> None:
        self._folders = [folder.resolve() for folder in folders]
        self._kept: dict[Path, StaticFile] = {}
        self._lock = threading.Lock()

    def answer(self, path: str, headers: Mapping[str, str]) -> tuple[int, Headers, list[bytes]] | None:
        """None when there is no such file."""
        found = self._find(path)
        if found is None:
            return None
        name, file = found
        held = [tag.strip().removeprefix("W/") for tag in headers.get("if-none-match", "").split(",")]
        sent: Headers = [*SECURITY_HEADERS, ("ETag", file.etag), ("Cache-Control", _caching(name)), ("Vary", "Accept-Encoding")]
        if file.etag in held or "*" in held:
            return 304, sent, []
        sent.append(("Content-Type", file.content_type))
        if file.packed is not None and "gzip" in headers.get("accept-encoding", ""):
            return 200, [*sent, ("Content-Encoding", "gzip")], [file.packed]
        return 200, sent, [file.body]

    def _find(self, path: str) -> tuple[str, StaticFile] | None:
        name = path.lstrip("/") or "index.html"
        if "\x00" in name or "\\" in name or any(part in ("", ".", "..") or part.startswith(".") for part in name.split("/")):
            return None
        for folder in self._folders:
            if not (folder / "index.html").is_file():
                continue
            target = folder / name
            if target.is_file() and target.resolve().is_relative_to(folder):
                return name, self._load(target)
            return None
        return None

    def _load(self, target: Path) -> StaticFile:
        status = target.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        with self._lock:
            kept = self._kept.get(target)
        if kept is not None and kept.stamp == stamp:
            return kept
        body = target.read_bytes()
        packed = gzip.compress(body, 6, mtime=0) if target.suffix in PACKED and len(body) >= PACK_FROM else None
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        content_type = TYPES.get(target.suffix) or mimetypes.guess_type(target.name)[0] or "application/octet-stream"
        loaded = StaticFile(stamp, etag, content_type, body, packed if packed and len(packed) < len(body) else None)
        if len(body) <= CACHED_FILE_BYTES:
            with self._lock:
                self._kept[target] = loaded
        return loaded


def _caching(name: str) -> str:
    """Files under assets/ carry a hash of their content in their names; everything else is asked for again."""
    return "public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
