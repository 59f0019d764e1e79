"""What a result depends on is told once: manifest, journal and cache say the same of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy
import onnxruntime
import PIL
import pytest

from scanner import Detector, Limits
from scanner.memory import build_header
from scanner.results import identity
from scanner.results.identity import OF_EXTRAS, Identity, code_fingerprint, library_versions


def test_it_names_what_was_loaded_in_full_versions(detector: Detector) -> None:
    found = Identity.of(detector.facts)
    of_extras = {name: text for name, text in found.libraries.items() if name in OF_EXTRAS}
    assert found.libraries == of_extras | {
        "onnxruntime": onnxruntime.__version__, "pillow": PIL.__version__, "numpy": numpy.__version__,
    }  # fmt: skip
    assert found.codecs["zlib"] or found.codecs["zlib_ng"]
    assert (found.model, found.device, found.provider) == (detector.sha256, "cpu", "CPUExecutionProvider")


def test_journal_and_cache_hold_all_of_it(detector: Detector) -> None:
    facts = Identity.of(detector.facts).facts()
    header = build_header(detector.facts, Limits(), {"paths": ["in"]})
    assert {name: header[name] for name in facts} == facts
    assert header.keys() - facts.keys() == {"limits", "selection"}
    assert json.loads(Identity.of(detector.facts).key()) == json.loads(json.dumps(facts))


def test_no_part_of_it_is_left_out_of_the_key(detector: Detector) -> None:
    found = Identity.of(detector.facts)
    for name in found.facts():
        assert replace(found, **{name: "another"}).key() != found.key(), name


def test_two_gpus_of_a_machine_count_as_one(detector: Detector) -> None:
    assert Identity.of(replace(detector.facts, device="cuda:1")).device == "cuda"


@pytest.mark.parametrize(
    "place", ["models/preprocessing/v1.py", "scanner/media/provenance/png.py", "scanner/results/record.py"]
)
def test_code_that_reads_facts_is_known_by_its_content(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path(identity.__file__).parents[2]
    for room in ("models", "scanner"):
        shutil.copytree(home / room, tmp_path / room, ignore=shutil.ignore_patterns("*.onnx", "__pycache__"))
    original = code_fingerprint()
    monkeypatch.setattr(identity, "__file__", str(tmp_path / "scanner" / "results" / "identity.py"))

    def fresh() -> str:
        return code_fingerprint.__wrapped__()

    assert fresh() == original, "the same code at another place"
    (tmp_path / "scanner" / "cli.py").write_text("# words on the terminal decide no result\n")
    assert fresh() == original
    with (tmp_path / place).open("a") as stream:
        stream.write("# changed\n")
    assert fresh() != original


def test_the_code_that_decides_is_there() -> None:
    home = Path(identity.__file__).parents[2]
    for place in identity._CODE:
        assert (home / place).exists(), place


def test_versions_are_those_that_are_installed() -> None:
    found = library_versions()
    assert found["pillow"] == PIL.__version__ and "python" in found and "torch" not in found
