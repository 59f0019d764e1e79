"""Films that are none: playlists that lead to other files or to the network, and damage of any kind."""

from __future__ import annotations

import io
import random
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from films import write_greys

from scanner import Detector, ErrorCode, Status, encode_path
from scanner.engine.local import LocalEngine
from scanner.engine.serial import SerialEngine
from scanner.media.video.container import FORMATS
from scanner.results.sampling import Sampling
from scanner.sources import Candidate, MediaKind


class Listener:
    """A server on loopback that notes who comes."""

    def __init__(self) -> None:
        self.visits = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                visitor, _ = self._socket.accept()
            except OSError:
                return
            self.visits += 1
            visitor.sendall(b"HTTP/1.0 404 Not Found\r\n\r\n")
            visitor.close()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    server = Listener()
    yield server
    server.close()


TRAPS = {
    "concat": "ffconcat version 1.0\nfile 'secret.mp4'\n",
    "concat of a path": "ffconcat version 1.0\nfile '{folder}/secret.mp4'\n",
    "playlist of a file": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{folder}/secret.mp4\n#EXT-X-ENDLIST\n",
    "playlist of the net": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n",
    "manifest": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT9S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="a" '
    'bandwidth="1"><BaseURL>http://127.0.0.1:{port}/a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "session": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
    "stream of redirections": "[Reference]\nRef1=http://127.0.0.1:{port}/a\n",
}


def scanned(path: Path, detector: Detector) -> Any:
    one = Candidate(str(path), encode_path(str(path)), MediaKind.OTHER_MEDIA, explicit=True)
    (found,) = SerialEngine(detector.looking_at(Sampling(video=True))).results([one])
    return found


@pytest.mark.parametrize("name", sorted(TRAPS))
def test_no_film_leads_elsewhere(
    name: str, tmp_path: Path, detector: Detector, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_greys(tmp_path / "secret.mp4", [80] * 20)
    trap = tmp_path / "holiday.mp4"
    trap.write_text(TRAPS[name].format(folder=tmp_path, port=listener.port))
    monkeypatch.chdir(tmp_path)
    found = scanned(trap, detector)
    assert (found.status, found.error) == (Status.ERROR, ErrorCode.NOT_AN_IMAGE)
    assert found.findings == () and listener.visits == 0


@pytest.mark.parametrize("name", ["playlist of the net", "concat of a path"])
def test_without_the_lists_they_would(name: str, tmp_path: Path, listener: Listener) -> None:
    """Else the traps above would show nothing."""
    import av

    write_greys(tmp_path / "secret.mp4", [80] * 20)
    trap = io.BytesIO(TRAPS[name].format(folder=tmp_path, port=listener.port).encode())
    trap.name = "list.m3u8"  # type: ignore[attr-defined]
    frames = []
    try:
        with av.open(trap, options={"safe": "0"}, timeout=5) as container:
            frames = list(container.decode(video=0))
    except av.FFmpegError:
        time.sleep(0.2)
    assert frames or listener.visits, "this FFmpeg follows neither"


def test_no_format_that_is_read_is_a_list_of_others() -> None:
    assert not {"concat", "hls", "applehttp", "dash", "sdp", "rtsp", "rtp", "image2", "lavfi"} & set(
        FORMATS.split(",")
    )


def damaged(data: bytes, moments: random.Random) -> bytes:
    """Bits flipped, pieces cut, doubled or moved."""
    changed = bytearray(data)
    for _ in range(moments.choice([1, 3, 30])):
        place = moments.randrange(len(changed))
        match moments.randrange(4):
            case 0:
                changed[place] ^= 1 << moments.randrange(8)
            case 1:
                changed[place : place + 4] = moments.choice(
                    [bytes(4), b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"]
                )
            case 2:
                del changed[place : place + moments.randrange(1, 200)]
            case 3:
                changed[place:place] = changed[moments.randrange(len(changed)) :][: moments.randrange(1, 400)]
    return bytes(changed) if moments.random() < 0.8 else bytes(changed[: moments.randrange(1, len(changed))])


@pytest.mark.slow
def test_each_of_many_damaged_films_has_its_row(
    tmp_path: Path, detector: Detector, grey: Callable[..., Path]
) -> None:
    moments = random.Random("damage")
    originals = [
        write_greys(tmp_path / f"film{suffix}", [80, 120] * 40)
        for suffix in (".mp4", ".mkv", ".webm", ".avi")
    ]
    paths = []
    for number in range(500):
        original = originals[number % len(originals)]
        path = tmp_path / f"{number:03}{original.suffix}"
        path.write_bytes(damaged(original.read_bytes(), moments))
        paths.append(path)
    paths.append(grey(tmp_path / "last.png", 96))
    items = [Candidate(str(path), encode_path(str(path)), MediaKind.UNKNOWN, explicit=True) for path in paths]
    engine = LocalEngine(detector.looking_at(Sampling(video=True)), workers=2, batch_size=1)
    rows = list(engine.results(items))
    assert [row.path for row in rows] == [item.name for item in items]
    assert rows[-1].status is Status.OK
    assert {row.status for row in rows} >= {Status.OK, Status.ERROR}
    codes = {row.error for row in rows if row.error is not None}
    assert codes <= {
        ErrorCode.CORRUPT_IMAGE,
        ErrorCode.NOT_AN_IMAGE,
        ErrorCode.UNSUPPORTED_MEDIA,
        ErrorCode.UNSUPPORTED_FORMAT,
        ErrorCode.TOO_MANY_PIXELS,
        ErrorCode.OUT_OF_MEMORY,
        ErrorCode.DECODE_CRASHED,
        ErrorCode.DECODE_TIMEOUT,
    }


def test_a_film_that_claims_to_have_no_end_is_soon_done(tmp_path: Path, detector: Detector) -> None:
    film = write_greys(tmp_path / "a.mkv", [80] * 20)
    data = film.read_bytes()
    place = data.index(b"\x44\x89\x88") + 3  # Duration, an 8-byte float of milliseconds
    data = data[:place] + struct.pack(">d", 1e15) + data[place + 8 :]
    film.write_bytes(data)
    assert scanned(film, detector).seconds == pytest.approx(2, abs=0.1), (
        "its pictures' own length is told, too"
    )
    of_track = re.search(rb"00:00:0\d\.\d{9}", data)
    assert of_track is not None
    film.write_bytes(data.replace(of_track[0], b"999999:59:59.00000"))
    found = scanned(film, detector)
    assert found.seconds == pytest.approx(3.6e9, rel=1e-3)
    assert found.error is ErrorCode.CORRUPT_IMAGE and found.coverage.frames_asked == 32
    assert found.coverage.frames_got < 8
