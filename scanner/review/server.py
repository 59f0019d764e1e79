"""The review's web server: this machine alone, one address with a secret in it, nothing from elsewhere.

A request must carry the secret, name this server as its host (a page of another site that has got its own name to lead
here does not) and, if it changes something, come from this server's own page.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from models.support.errors import Failure
from scanner.review.decisions import Choice
from scanner.review.exports import EXPORTS, Reviewed
from scanner.review.index import ReviewError
from scanner.review.pictures import Shown
from scanner.review.session import Review

HOST = "127.0.0.1"
MOST_BODY = 1 << 16
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = Path(__file__).with_name("page")
_FILES = {
    "": ("review.html", "text/html; charset=utf-8"),
    "review.js": ("review.js", "text/javascript; charset=utf-8"),
    "review.css": ("review.css", "text/css; charset=utf-8"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}


class Reply(NamedTuple):
    """What a request gets."""

    body: bytes
    type: str = "application/json"
    status: HTTPStatus = HTTPStatus.OK
    download: str = ""
    """The name under which a browser keeps it."""


class ReviewServer(ThreadingHTTPServer):
    """Bound when it is made; ``serve_forever`` serves."""

    daemon_threads = True

    def __init__(
        self,
        review: Review,
        reviewed: Callable[[], Reviewed],
        summary: Callable[[], list[str]],
        port: int = 0,
    ) -> None:
        """``reviewed`` and ``summary``: of the decisions so far. Raises :class:`ReviewError` for a port in use."""
        self.review, self.reviewed, self.summary = review, reviewed, summary
        # Requests wait in threads, as browsers open connections that they may never use; the work is done in one, whose
        # memory is used again.
        self.worker = ThreadPoolExecutor(1, "review")
        self.token = secrets.token_urlsafe(24)
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise ReviewError(
                f"port {port} cannot be used: {error.strerror}; choose another --port"
            ) from None

    def server_close(self) -> None:
        super().server_close()
        self.worker.shutdown(cancel_futures=True)

    @property
    def host(self) -> str:
        return f"{HOST}:{self.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/{self.token}/"


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    protocol_version = "HTTP/1.1"
    server_version = "scan-review"
    sys_version = ""
    timeout = 60

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: the address is a secret, and a terminal's lines are kept."""

    def _answer(self, work: Callable[[str, dict[str, list[str]], Any], Reply]) -> None:
        try:
            path = self._path_within()
            if path is None:
                self.close_connection = True
                self._send(_words("forbidden", HTTPStatus.FORBIDDEN))
                return
            parts = urlsplit(path)
            body = self._body() if self.command == "POST" else None
            done = self.server.worker.submit(work, parts.path, parse_qs(parts.query), body)
            self._send(done.result())
        except (IndexError, KeyError, ValueError, TypeError):
            self.close_connection = True
            self._send(_words("no such request", HTTPStatus.BAD_REQUEST))
        except Failure as error:
            self._send(_words(str(error), HTTPStatus.CONFLICT))
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _path_within(self) -> str | None:
        """What follows the secret; ``None`` for whoever has no business here."""
        _, token, *rest = [*self.path.split("/", 2), ""]
        knows = hmac.compare_digest(token.encode(), self.server.token.encode())
        hosts, origins = self.headers.get_all("Host", []), self.headers.get_all("Origin", [])
        is_ours = origins == [f"http://{self.server.host}"]
        is_here = hosts == [self.server.host] and (is_ours or (not origins and self.command == "GET"))
        site = self.headers.get("Sec-Fetch-Site", "none")
        return rest[0] if knows and is_here and site in ("none", "same-origin") else None

    def _body(self) -> Any:
        """Of a request that changes something. Raises ``ValueError``."""
        length = int(self.headers.get("Content-Length", "0"))
        if not 0 < length <= MOST_BODY or self.headers.get_content_type() != "application/json":
            raise ValueError("no request of the page")
        return json.loads(self.rfile.read(length))

    def _get(self, path: str, query: dict[str, list[str]], _: Any) -> Reply:
        review = self.server.review
        if path in _FILES:
            name, type_ = _FILES[path]
            return Reply((_PAGE / name).read_bytes(), type_)
        match path:
            case "begin":
                return _json(self._beginning())
            case "item":
                return _json(review.state(int(query["place"][0])))
            case "next":
                return _json({"place": review.next_undecided(int(query["place"][0]))})
            case "picture":
                return _picture(review.picture(int(query["place"][0])))
            case "heatmap":
                return _picture(review.heatmap(int(query["place"][0])))
            case "summary":
                return _json({"lines": self.server.summary()})
            case "export":
                return self._export(query["kind"][0])
        raise KeyError(path)

    def _post(self, path: str, query: dict[str, list[str]], asked: Any) -> Reply:
        match path:
            case "decide":
                choice, note = Choice(asked["decision"]), asked.get("note")
                if choice is Choice.UNDO or not isinstance(note, str | None):
                    raise ValueError("no decision")
                place, sha256 = int(asked["place"]), str(asked["sha256"])
                return _json({"place": self.server.review.decide(place, sha256, choice, note)})
            case "undo":
                return _json({"place": self.server.review.undo()})
        raise KeyError(path)

    def _beginning(self) -> dict[str, Any]:
        review = self.server.review
        return {
            "report": review.index.path.name,
            "total": len(review),
            "rows": review.index.rows,
            "containers": review.index.containers,
            "statuses": dict(review.index.statuses),
            "reviewer": review.asked.reviewer,
            "blind": review.asked.blind,
            "order": review.asked.order,
            "remark": review.origin.remark,
            "place": review.start(),
        }

    def _export(self, kind: str) -> Reply:
        export = EXPORTS[kind]
        name = f"{self.server.review.index.path.stem}{export.suffix}"
        return Reply(export.make(self.server.reviewed()), "text/csv; charset=utf-8", download=name)

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        headers = {
            "Content-Type": reply.type,
            "Content-Length": str(len(reply.body)),
            "Content-Security-Policy": POLICY,
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
        if reply.download:
            name = "".join(c if c.isascii() and (c.isalnum() or c in "-._") else "_" for c in reply.download)
            headers["Content-Disposition"] = f'attachment; filename="{name}"'
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)


def _json(values: dict[str, Any]) -> Reply:
    return Reply(json.dumps(values).encode())


def _words(text: str, status: HTTPStatus) -> Reply:
    return Reply(json.dumps({"problem": text}).encode(), status=status)


def _picture(shown: Shown) -> Reply:
    if shown.jpeg is None:
        return _words(shown.problem, HTTPStatus.NOT_FOUND)
    return Reply(shown.jpeg, "image/jpeg")
