"""C2PA manifests that are checked: each state, what the row says, and no connection whatever a file names."""

from __future__ import annotations

import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from configparser import ConfigParser
from datetime import timedelta
from pathlib import Path

import pytest

pytest.importorskip("c2pa")

from signed_files import MIME, Authority, actions, flipped, root, signed

from scanner.media.provenance import Origin, origin
from scanner.media.provenance.credentials import KNOWN, checker
from scanner.results import Declared
from scanner.results.credentials import Credentials, TrustList, Verification

ROOT = Path(__file__).parents[2]


def told(data: bytes, pem: str = "") -> Origin:
    trust = TrustList("t.pem", "ab", "", 1, pem) if pem else None
    return origin(data, checker(Verification("0.38.1", trust)))


def state(data: bytes, pem: str = "") -> str:
    found = told(data, pem).credentials
    assert found is not None
    return found.state.value


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server that nobody may talk to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        yield server


def is_silent(server: socket.socket) -> bool:
    try:
        server.accept()
    except TimeoutError:
        return True
    return False


@pytest.mark.parametrize("format", MIME)
def test_intact_is_valid_and_with_its_root_on_the_list_trusted(format: str) -> None:
    data = signed(format)
    assert state(data) == "valid"
    assert state(data, root().pem) == "trusted"
    assert told(data).declared is Declared.GENERATED


def test_another_key_is_valid_and_not_trusted() -> None:
    data = signed(authority=Authority.new("Somebody else"))
    assert state(data, root().pem) == "valid"


def test_one_bit_of_the_picture_makes_it_invalid() -> None:
    found = told(flipped(signed()), root().pem)
    assert found.credentials is not None
    assert found.credentials.failures[0] == "assertion.dataHash.mismatch"
    assert found.provenance == (
        "c2pa=invalid; c2pa_by=Toy Press; c2pa_generator=Toy Maker 1.2; c2pa_source=trainedAlgorithmicMedia; "
        "c2pa_code=assertion.dataHash.mismatch"
    )
    assert found.declared is Declared.GENERATED
    assert told(flipped(signed())).provenance == found.provenance, "that nobody is trusted is not the reason"


@pytest.mark.slow
@pytest.mark.slow
def test_an_expired_certificate_makes_it_invalid() -> None:
    # Nothing signs with an expired one, so it has to last until then, on a busy machine too.
    data, begun = signed(lasts=timedelta(seconds=6)), time.monotonic()
    while state(data, root().pem) != "invalid" and time.monotonic() - begun < 30:
        time.sleep(0.2)
    found = told(data, root().pem).credentials
    assert found is not None and found.state == "invalid" and "signingCredential.expired" in found.failures


def test_a_manifest_elsewhere_is_never_fetched(listener: socket.socket) -> None:
    data = signed(address=f"http://127.0.0.1:{listener.getsockname()[1]}/m.c2pa")
    for found in (told(data), origin(data)):
        assert found.provenance == "c2pa=remote" and found.declared is None
    # The library itself, should it be asked about such a file.
    checked = checker(Verification("0.38.1"))
    assert checked is not None and checked(data).state == "remote"
    assert is_silent(listener)


NO_SOCKET = """
import ctypes, struct, sys
# A filter of seccomp: socket() ends the process.
program = struct.pack('HBBI' * 4, 0x20, 0, 0, 0, 0x15, 0, 1, 41, 6, 0, 0, 0x80000000, 6, 0, 0, 0x7FFF0000)
buffer = ctypes.create_string_buffer(program)
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, struct.pack('HxxxxxxQ', 4, ctypes.addressof(buffer)), 0, 0) == 0
from scanner.media.provenance import origin
from scanner.media.provenance.credentials import checker
from scanner.results.credentials import Verification
for path in sys.argv[2:]:
    print(origin(open(path, 'rb').read(), checker(Verification('0.38.1'))).credentials.state.value)
if sys.argv[1] == 'open':
    import socket
    socket.socket()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="seccomp")
def test_no_socket_is_opened(tmp_path: Path) -> None:
    files = {"a.jpg": signed(), "b.png": signed("PNG"), "c.avif": signed("AVIF"), "d.jpg": flipped(signed())}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    paths = [str(tmp_path / name) for name in files]

    def run(word: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-c", NO_SOCKET, word, *paths]
        return subprocess.run(line, capture_output=True, text=True, cwd=ROOT, check=False)

    done = run("none")
    assert (done.returncode, done.stdout.split()) == (0, ["valid", "valid", "valid", "invalid"]), done.stderr
    assert run("open").returncode == -31  # SIGSYS: the filter works


def test_without_the_check_the_fact_is_the_cheap_one() -> None:
    found = origin(signed())
    assert (found.provenance, found.declared, found.credentials) == ("c2pa", None, None)


@pytest.mark.parametrize(
    ("done", "word"),
    [
        (actions("c2pa.created", "digitalCapture"), Declared.CAMERA),
        (
            actions("c2pa.created", "digitalCapture") + actions("c2pa.color_adjustments", None),
            Declared.EDITED,
        ),
        (actions("c2pa.created", "digitalCreation"), None),
        (
            actions("c2pa.created", "digitalCapture")
            + actions("c2pa.edited", "compositeWithTrainedAlgorithmicMedia"),
            Declared.GENERATED,
        ),
    ],
)
def test_actions_and_sources_give_the_word(done: list[dict[str, str]], word: Declared | None) -> None:
    assert told(signed(done=done)).declared is word


def test_a_broken_manifest_speaks_for_no_camera() -> None:
    data = signed(done=actions("c2pa.created", "digitalCapture"))
    assert told(data).declared is Declared.CAMERA
    assert told(flipped(data)).declared is None


def test_it_comes_back_from_json() -> None:
    found = told(signed(), root().pem).credentials
    assert found is not None and Credentials.read(found.values()) == found
    assert "signingCredential.trusted" in found.successes and found.is_of_the_day
    with pytest.raises(ValueError):
        Credentials.read({**found.values(), "state": "proven"})


@pytest.mark.slow
def test_500_damaged_files_each_have_an_origin() -> None:
    rng = random.Random(5)
    originals = [signed(format) for format in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")]
    states = set()
    for number in range(500):
        data = bytearray(originals[number % len(originals)])
        place = data.find(b"jumb") + 4
        for _ in range(rng.choice((1, 4, 16))):
            data[rng.randrange(place, min(len(data), place + 6000))] = rng.randrange(256)
        found = told(bytes(data[: rng.choice((None, None, rng.randrange(200, len(data)))) or len(data)]))
        states.add("none" if found.credentials is None else found.credentials.state.value)
    assert {"invalid", "unreadable"} <= states <= {"none", "valid", "invalid", "unreadable", "remote"}


def test_the_releases_that_are_installed_are_those_that_are_known() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    (wanted,) = setup["options.extras_require"]["c2pa"].split()
    found = re.fullmatch(r"c2pa-python>=(\d+\.\d+),<(\d+\.\d+)", wanted)
    assert found is not None and found[1] + "." == KNOWN
