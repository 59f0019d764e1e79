"""``scan-review`` as people run it: a process of its own, spoken to over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

CODE = "from scanner.review.cli import main; main()"


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """What the page's script does."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname == "127.0.0.1" and parts.port
        self.host, self.port, self.path, self.url = parts.netloc, parts.port, parts.path, url

    def ask(
        self, what: str, body: Any = None, headers: Mapping[str, str] | None = None, path: str | None = None
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        own = {} if body is None else {"Content-Type": "application/json", "Origin": f"http://{self.host}"}
        target = (self.path if path is None else path) + what
        sent = {name: value for name, value in (own | dict(headers or {})).items() if value}
        data = None if body is None else json.dumps(body).encode()
        connection.putrequest("GET" if body is None else "POST", target, skip_host="Host" in sent)
        for name, value in sent.items():
            connection.putheader(name, value)
        if data is not None:
            connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data)
        answer = connection.getresponse()
        reply = Reply(answer.status, dict(answer.getheaders()), answer.read())
        connection.close()
        return reply

    def item(self, place: int) -> dict[str, Any]:
        return dict(self.ask(f"item?place={place}").json())

    def decide(self, place: int, decision: str, note: str | None = None) -> Reply:
        sha256 = self.item(place)["sha256"]
        return self.ask("decide", {"place": place, "sha256": sha256, "decision": decision, "note": note})


class Running(NamedTuple):
    process: subprocess.Popen[str]
    client: Client


@contextmanager
def reviewing(folder: Path, *words: str) -> Iterator[Running]:
    """``scan-review report.jsonl WORDS`` in ``folder``, until the block's end."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("SCAN_")}
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", CODE, "report.jsonl", "--reviewer", "anna", *words],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    try:
        url = process.stdout.readline().strip()
        assert url, process.stderr.read()
        yield Running(process, Client(url))
    finally:
        process.kill()
        process.communicate()


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """``scan-review WORDS``, to its end."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
