from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import models
from models.contract import (
    CONTRACT_VERSION,
    IMAGE_SIZE,
    PRECISIONS,
    PREPROCESS_VERSION,
    UNCALIBRATED_THRESHOLD,
    Label,
    ModelMetadata,
    Threshold,
)
from models.support.errors import ModelFileError

PLAIN = ModelMetadata("first", "1", "fake")
OPTIONAL = {
    "faces",
    "inconclusive_band",
    "network",
    "precision",
    "precision_check",
    "thresholds_by_faces",
}

unit = st.floats(0, 1)
texts = st.text(max_size=20)
plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
tables = st.none() | st.dictionaries(texts, plain_values, max_size=3)
metadata = st.builds(
    ModelMetadata,
    name=texts,
    version=texts,
    source_positive=st.sampled_from(("fake", "real")),
    license=st.none() | texts,
    temperature=st.floats(0.01, 100),
    calibrated=st.booleans(),
    calibration_prior=st.none() | unit,
    thresholds=st.dictionaries(
        st.sampled_from(("fpr1", "fpr5", "default")),
        st.builds(Threshold, unit, st.none() | texts, st.none() | unit, st.none() | unit),
    ),
    inconclusive_low=st.none() | unit,
    training=tables,
    source_checkpoint_sha256=st.none() | texts,
    store=st.sampled_from(("fp32", "fp16")),
    parity=tables,
    precision=st.sampled_from(PRECISIONS),
    precision_check=tables,
)


def loaded_modules(program: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules, sep='\\n')"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(done.stdout.split())


@pytest.mark.slow
@given(metadata)
def test_metadata_survive_the_file(original: ModelMetadata) -> None:
    props = original.to_props()
    assert all(isinstance(value, str) for value in props.values())
    assert ModelMetadata.from_props(props, where="m.onnx") == original


def test_every_key_is_present_and_null_where_unknown() -> None:
    props = PLAIN.to_props()
    assert set(props) == {field.name for field in fields(ModelMetadata)} - OPTIONAL
    unknown = {key for key, value in props.items() if value == "null"}
    assert unknown == {
        "license",
        "calibration_prior",
        "inconclusive_low",
        "training",
        "source_checkpoint_sha256",
        "parity",
    }
    assert json.loads(props["contract"]) == CONTRACT_VERSION == 1
    assert json.loads(props["preprocess"]) == PREPROCESS_VERSION == 1


def test_files_without_the_keys_of_variants_compute_in_fp32() -> None:
    read = ModelMetadata.from_props(PLAIN.to_props(), where="m.onnx")
    assert (read.precision, read.precision_check) == ("fp32", None)
    variant = replace(
        PLAIN,
        precision="int8",
        precision_check={"delta_auc": -0.001},
        network="efficientnet_lite2",
        preprocess=2,
        faces={"margin": 1.2},
        thresholds_by_faces={},
        inconclusive_band={"low": 0.4},
    )
    props = variant.to_props()
    assert set(props) == {field.name for field in fields(ModelMetadata)}
    assert ModelMetadata.from_props(props, where="m.onnx") == variant


def test_uncalibrated_models_have_temperature_1_and_threshold_one_half() -> None:
    assert (PLAIN.temperature, PLAIN.calibrated, PLAIN.inconclusive_low) == (1.0, False, None)
    assert PLAIN.default_threshold() == UNCALIBRATED_THRESHOLD == 0.5
    assert replace(PLAIN, thresholds={"default": Threshold(0.7)}).default_threshold() == 0.7
    assert replace(PLAIN, thresholds={"fpr1": Threshold(0.9)}).default_threshold() == 0.5


def refusal(**changes: Any) -> str:
    props = PLAIN.to_props()
    for key, value in changes.items():
        if value is None:
            del props[key]
        else:
            props[key] = value
    with pytest.raises(ModelFileError) as caught:
        ModelMetadata.from_props(props, where="m.onnx")
    return str(caught.value)


def test_a_file_without_metadata_is_refused_with_the_remedy() -> None:
    with pytest.raises(ModelFileError) as caught:
        ModelMetadata.from_props({}, where="foreign.onnx")
    message = str(caught.value)
    assert "foreign.onnx" in message and "scan-export" in message and "\n" not in message


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"contract": "2"}, "contract 2"),
        ({"preprocess": "7"}, "preprocess 7"),
        ({"temperature": None}, "'temperature'"),
        ({"calibrated": "maybe"}, "'calibrated'"),
        ({"thresholds": "[1]"}, "thresholds"),
        ({"thresholds": '{"default":0.5}'}, "thresholds"),
        ({"thresholds": '{"default":{"value":"high"}}'}, "'thresholds'"),
        ({"thresholds": '{"default":{"worth":1}}'}, "thresholds"),
        ({"thresholds_by_faces": '{"default":[0.5]}'}, "'thresholds_by_faces'"),
        ({"inconclusive_band": "0.5"}, "'inconclusive_band'"),
        ({"thresholds_by_faces": "[]"}, "'thresholds_by_faces'"),
        ({"temperature": "0"}, "'temperature'"),
        ({"temperature": "null"}, "'temperature'"),
        ({"temperature": "NaN"}, "'temperature'"),
        ({"temperature": "true"}, "'temperature'"),
        ({"label_orientation": '"positive=real"'}, "'label_orientation'"),
        ({"source_positive": '"cat"'}, "'source_positive'"),
        ({"inconclusive_low": '"low"'}, "'inconclusive_low'"),
        ({"name": "null"}, "'name'"),
        ({"precision": '"int4"'}, "'precision'"),
        ({"precision": "[]"}, "'precision'"),
        ({"precision_check": "0.5"}, "'precision_check'"),
    ],
)
def test_another_contract_is_refused_in_one_sentence(changes: dict[str, Any], named: str) -> None:
    message = refusal(**changes)
    assert message.startswith("m.onnx")
    assert named in message
    assert "scan-export" in message
    assert "\n" not in message


def test_keys_of_others_are_ignored() -> None:
    props = PLAIN.to_props() | {"author": "somebody"}
    assert ModelMetadata.from_props(props, where="m.onnx") == PLAIN


def test_fake_is_1_and_labels_go_by_name_in_any_case() -> None:
    assert (Label.REAL, Label.FAKE) == (0, 1)
    for name in ("fake", "Fake", "FAKE", " fAkE "):
        assert Label.from_name(name) is Label.FAKE
    for name in ("real", "Real", "REAL"):
        assert Label.from_name(name) is Label.REAL
    assert [label.title for label in Label] == ["Real", "Fake"]


@pytest.mark.parametrize("name", ["", "0", "1", "fakes", "true", "synthetic"])
def test_other_names_are_no_labels(name: str) -> None:
    with pytest.raises(ValueError, match="Real or Fake"):
        Label.from_name(name)


def test_models_offers_the_contract_and_the_law() -> None:
    assert models.IMAGE_SIZE == IMAGE_SIZE == 260
    for name in models.__all__:
        assert getattr(models, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        models.no_such_name  # noqa: B018


def test_models_imports_neither_torch_nor_onnxruntime() -> None:
    loaded = loaded_modules("import models; [getattr(models, name) for name in models.__all__]")
    assert "models.preprocessing" in loaded
    assert not loaded & {"torch", "torchvision", "onnxruntime", "onnx", "pandas"}


@pytest.mark.parametrize("name", ["models", "models.contract", "models.support.errors"])
def test_contract_and_errors_import_the_standard_library_only(name: str) -> None:
    loaded = {module.partition(".")[0] for module in loaded_modules(f"import {name}")}
    bare = {module.partition(".")[0] for module in loaded_modules("")}
    assert loaded - bare <= sys.stdlib_module_names | {"models"}


@pytest.mark.parametrize("values", [[0.7], [0.7, 0.7, 0.9]])
def test_thresholds_of_several_faces_begin_with_that_of_one_and_never_fall(values: list[float]) -> None:
    def read(by_faces: object) -> ModelMetadata:
        props = replace(PLAIN, thresholds={"default": Threshold(0.7)}).to_props()
        assert "thresholds_by_faces" not in props, "older files are as they were"
        return ModelMetadata.from_props({**props, "thresholds_by_faces": json.dumps(by_faces)}, where="m")

    assert read({"default": values}).thresholds_by_faces == {"default": values}
    assert read(None).thresholds_by_faces is None
    for wrong in ([], [0.6, 0.8], [0.7, 0.6], [0.7, "1"], 0.7):
        with pytest.raises(ModelFileError, match="'thresholds_by_faces'"):
            read({"default": wrong})


def test_a_manifest_has_a_new_field_only_where_the_model_has_it() -> None:
    assert PLAIN.known()["faces"] is None
    for name in ("thresholds_by_faces", "inconclusive_band"):
        assert name not in PLAIN.known() and replace(PLAIN, **{name: {}}).known()[name] == {}
