"""A loaded model: what it accepts, what it refuses, and that threads do not disturb each other."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from cam_onnx import with_cam
from onnx import TensorProto

from models.contract import ModelMetadata
from models.support.errors import ModelFileError
from scanner import Detector
from scanner.inference import map_session
from scanner.inference.binding import BoundRuns
from scanner.inference.providers import open_session

MakeModel = Callable[..., Path]


def images(*values: int) -> np.ndarray:
    return np.stack([np.full((260, 260, 3), value, np.uint8) for value in values])


def test_scores_are_named_typed_and_in_order(detector: Detector) -> None:
    scores = detector.score(images(128, 192, 64))
    assert scores.logit.tolist() == pytest.approx([0, 2, -2])
    assert scores.prob_fake.tolist() == pytest.approx([0.5, 0.880797, 0.119203])
    assert scores.logit.dtype == scores.prob_fake.dtype == np.float32


def test_any_batch_size_gives_the_same_numbers(detector: Detector) -> None:
    batch = images(*range(20, 250, 10))
    together = detector.score(batch).prob_fake
    alone = np.concatenate([detector.score(batch[i : i + 1]).prob_fake for i in range(len(batch))])
    np.testing.assert_array_equal(together, alone)


def test_threads_share_a_detector_without_mixing_their_images(detector: Detector) -> None:
    values = [17 * i % 256 for i in range(200)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda value: float(detector.score(images(value)).logit[0]), values))
    assert found == pytest.approx([(value - 128) / 32 for value in values])


def test_bound_memory_gives_the_numbers_of_a_plain_run(model: Path) -> None:
    # On the CPU's own memory; on a GPU only the place of the buffers differs.
    session = Detector.load(model, "cpu")._session
    bound = BoundRuns(session, input_name="image", output_names=["logit", "prob_fake"], device="cpu", index=0)

    def both(batch: np.ndarray) -> None:
        plain = session.run(["logit", "prob_fake"], {"image": batch})
        for mine, theirs in zip(bound.run(batch), plain, strict=True):
            np.testing.assert_array_equal(mine, theirs)

    both(images(1, 2, 3))
    both(images(90, 80, 70))  # the same buffer again
    both(images(5))
    both(images(7, 8, 9)[::-1])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda value: both(images(value, 255 - value)), range(0, 200, 3)))


def test_a_detector_says_what_it_is_and_where_it_runs(calibrated: Path) -> None:
    detector = Detector.load(calibrated, "cpu")
    assert detector.sha256 == hashlib.sha256(calibrated.read_bytes()).hexdigest()
    assert (detector.device, detector.provider, detector.fallback) == ("cpu", "CPUExecutionProvider", None)
    assert not detector.on_gpu
    assert detector.metadata.license == "CC-BY-4.0"
    assert detector.metadata.thresholds["fpr1"].value == 0.8


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"metadata": None}, "says nothing about this tool's contract"),
        ({"props": {"contract": "2"}}, "follows contract 2"),
        ({"props": {"preprocess": "3"}}, "follows preprocess 3"),
        ({"props": {"preprocess": "2"}}, "metadata key 'faces'"),
        ({"props": {"name": "{"}}, "'name' is not JSON"),
        ({"batch": 4}, "not uint8[N, 260, 260, 3]"),
        ({"dtype": TensorProto.FLOAT}, "not uint8[N, 260, 260, 3]"),
        ({"outputs": ("score", "probability")}, "other inputs or outputs"),
        ({"columns": True}, "not float32[N]"),
    ],
)
def test_a_foreign_model_is_refused_in_one_sentence(
    make_model: MakeModel, changes: dict, reason: str
) -> None:
    file = make_model(**changes)
    with pytest.raises(ModelFileError) as refused:
        Detector.load(file, "cpu")
    text = str(refused.value)
    assert reason in text and str(file) in text and "scan-export CHECKPOINT" in text and "\n" not in text


@pytest.mark.parametrize("content", [b"", b"no model at all", b"\x08\x01" + bytes(200)])
def test_what_is_no_onnx_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "m.onnx"
    file.write_bytes(content)
    with pytest.raises(ModelFileError, match="is not a model that onnxruntime can load"):
        Detector.load(file, "cpu")


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"gone\.onnx does not exist"):
        Detector.load(tmp_path / "gone.onnx", "cpu")


def test_shipped_weights_that_were_altered_are_refused(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "shipped.onnx"
    file.write_bytes(model.read_bytes())
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    card = {"file": file.name, "sha256": digest, "name": "shipped", "version": "1", "license": "none"}
    (tmp_path / "card.json").write_text(json.dumps(card))
    monkeypatch.setattr("models.weights.WEIGHTS_DIR", tmp_path.parent)
    monkeypatch.setattr("models.weights.DEFAULT", tmp_path.name)
    assert Detector.load(None, "cpu").sha256 == digest
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(ModelFileError, match="have been altered"):
        Detector.load(None, "cpu")


def test_a_model_that_changes_while_it_is_read_is_refused(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanner.inference.detector.resolve_model", lambda path: (path, "0" * 64))
    with pytest.raises(ModelFileError, match="changed while it was being loaded"):
        Detector.load(model, "cpu")


def test_further_metadata_and_outputs_are_no_trouble(make_model: MakeModel) -> None:
    file = make_model(ModelMetadata("m", "1", "fake"), props={"somebody": "else's"})
    assert Detector.load(file, "cpu").metadata.name == "m"


@pytest.fixture
def with_maps(model: Path, tmp_path: Path) -> Path:
    return with_cam(Path(shutil.copy(model, tmp_path / "maps.onnx")))


def test_what_only_scores_has_no_map_in_memory(with_maps: Path, model: Path) -> None:
    detector = Detector.load(with_maps, "cpu")
    assert detector.facts.has_cam
    assert [output.name for output in detector._session.get_outputs()] == ["logit", "prob_fake"]
    batch = images(10, 128, 200)
    scores, cam = detector.cams(batch)
    np.testing.assert_array_equal(scores.logit, detector.score(batch).logit)
    np.testing.assert_array_equal(scores.logit, Detector.load(model, "cpu").score(batch).logit)
    assert cam.shape == (3, 4, 4)
    np.testing.assert_allclose(cam.mean((1, 2)), scores.logit, atol=1e-5)


def test_threads_open_the_maps_once(with_maps: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = Detector.load(with_maps, "cpu")
    opened: list[bytes] = []
    monkeypatch.setattr(
        map_session,
        "open_session",
        lambda model, *a, **k: opened.append(model) or open_session(model, *a, **k),
    )
    others = [detector, detector.verifying(None)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: others[n % 2].cams(images(n))[1].mean(), range(0, 200, 5)))
    assert found == pytest.approx([(n - 128) / 32 for n in range(0, 200, 5)])
    assert opened == [with_maps.read_bytes()]


@pytest.mark.parametrize(
    ("change", "words"), [("another", "changed since"), ("gone", "cannot be read again")]
)
def test_a_file_that_changed_draws_no_map(change: str, words: str, with_maps: Path) -> None:
    detector = Detector.load(with_maps, "cpu")
    if change == "gone":
        with_maps.unlink()
    else:
        with_maps.write_bytes(with_maps.read_bytes() + b"\0")
    with pytest.raises(ModelFileError, match=words):
        detector.cams(images(1))
