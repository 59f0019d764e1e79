"""The device that was asked for is the one that runs, or the run says why not."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from models.support.errors import ModelFileError
from models.support.onnx_runtime import load_onnxruntime
from scanner import DeviceError
from scanner.inference import providers, tensorrt
from scanner.inference.providers import CPU, CUDA, TENSORRT, Device, check_one_onnxruntime, open_session

onnxruntime = load_onnxruntime()


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("auto", Device("auto")),
        ("cpu", Device("cpu")),
        ("openvino", Device("openvino")),
        ("cuda", Device("cuda", 0)),
        ("cuda:0", Device("cuda", 0)),
        ("cuda:3", Device("cuda", 3)),
    ],
)
def test_a_device_is_read(text: str, device: Device) -> None:
    assert Device.parse(text) == device


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gpu",
        "CUDA",
        "cuda:",
        "cuda:-1",
        "cuda:x",
        "tensorrt:x",
        "cpu:0",
        "openvino:0",
        "auto:1",
        "cuda:1:2",
    ],
)
def test_any_other_word_is_refused(text: str) -> None:
    with pytest.raises(DeviceError, match="not one of auto, cpu, openvino, cuda, cuda:N, tensorrt"):
        Device.parse(text)


class Session:
    """Stands for onnxruntime's: it reports what the machine would have given."""

    def __init__(self, given: list[str]) -> None:
        self._given = given

    def get_providers(self) -> list[str]:
        return self._given


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """A machine whose onnxruntime is built with, and starts, only some providers; the sessions asked for."""
    asked: list[list[str]] = []

    def set_up(built: list[str], starts: list[str]) -> list[list[str]]:
        def session(model: bytes, wanted: list, where: str) -> Session:
            names = [one if isinstance(one, str) else one[0] for one in wanted]
            asked.append(names)
            return Session([name for name in names if name in starts])

        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: built)
        monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: print("library not found"), raising=False)
        monkeypatch.setattr(providers, "_session", session)
        return asked

    return set_up


def test_cuda_that_starts_is_taken_by_auto_and_by_name(machine) -> None:
    machine([CUDA, CPU], [CUDA, CPU])
    for text in ("auto", "cuda"):
        opened = open_session(b"", Device.parse(text), where="m")
        assert (opened.device, opened.provider, opened.fallback) == ("cuda:0", CUDA, None)
    assert open_session(b"", Device.parse("cuda:2"), where="m").device == "cuda:2"


def test_cpu_never_asks_for_cuda(machine) -> None:
    asked = machine([CUDA, CPU], [CUDA, CPU])
    opened = open_session(b"", Device.parse("cpu"), where="m")
    assert (opened.device, opened.provider, opened.fallback) == ("cpu", CPU, None)
    assert asked == [[CPU]]


def test_cuda_that_is_built_in_and_does_not_start_is_no_cuda(machine, capsys) -> None:
    # onnxruntime gives a CPU session without any exception.
    machine([CUDA, CPU], [CPU])
    with pytest.raises(DeviceError, match=r"--device cuda: .*device 1.*nvidia-smi.*\[cuda\].*--device cpu"):
        open_session(b"", Device.parse("cuda:1"), where="m")
    opened = open_session(b"", Device.parse("auto"), where="m")
    assert (opened.device, opened.provider) == ("cpu", CPU)
    assert opened.fallback == "onnxruntime could not start CUDA on device 0"
    # preload_dlls prints what it misses; standard output belongs to the report.
    assert capsys.readouterr().out == ""


def test_tensorrt_is_taken_only_by_name_and_only_if_it_starts(
    machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    asked = machine([TENSORRT, CUDA, CPU], [TENSORRT, CUDA, CPU])
    assert open_session(b"", Device.parse("auto"), where="m").provider == CUDA
    opened = open_session(b"", Device.parse("tensorrt:1"), where="m")
    assert (opened.device, opened.provider, opened.fallback) == ("tensorrt:1", TENSORRT, None)
    assert asked[-1] == [TENSORRT, CUDA, CPU]
    machine([TENSORRT, CUDA, CPU], [CUDA, CPU])
    with pytest.raises(DeviceError, match=r"could not start TensorRT on device 0; .*--device cuda"):
        open_session(b"", Device.parse("tensorrt"), where="m")
    machine([CUDA, CPU], [CUDA, CPU])
    with pytest.raises(DeviceError, match="built without TensorRT"):
        open_session(b"", Device.parse("tensorrt"), where="m")


def test_engines_are_kept_by_model_versions_and_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    driver = tmp_path / "driver"
    gpu = driver / "gpus" / "0000:01:00.0" / "information"
    gpu.parent.mkdir(parents=True)
    (driver / "version").write_text("NVRM version: 580.1\n")
    gpu.write_text("Model: \t NVIDIA H100\nIRQ: 1\n")
    monkeypatch.setattr(tensorrt, "_DRIVER", driver)
    seen = {tensorrt.engine_cache("a" * 64)}
    assert seen == {tensorrt.engine_cache("a" * 64)}, "the same place for the same engine"
    seen.add(tensorrt.engine_cache("b" * 64))
    gpu.write_text("Model: \t NVIDIA H200\nIRQ: 2\n")
    seen.add(tensorrt.engine_cache("a" * 64))
    (driver / "version").write_text("NVRM version: 590.1\n")
    seen.add(tensorrt.engine_cache("a" * 64))
    monkeypatch.setattr(onnxruntime, "__version__", "9.9")
    seen.add(tensorrt.engine_cache("a" * 64))
    assert len(seen) == 5 and all((tmp_path / "cache") in path.parents for path in seen)


@pytest.mark.parametrize(
    ("precision", "lower"), [("fp32", []), ("fp16", ["trt_fp16_enable"]), ("int8", ["trt_int8_enable"])]
)
def test_tensorrt_computes_in_the_models_precision(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, precision: str, lower: list[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    options = tensorrt.tensorrt_options(2, "a" * 64, precision)
    switches = ("trt_fp16_enable", "trt_int8_enable", "trt_bf16_enable")
    assert [name for name in switches if options.get(name)] == lower and options["device_id"] == 2
    assert Path(options["trt_engine_cache_path"]).is_dir() and options["trt_engine_cache_enable"]


def test_an_onnxruntime_without_cuda_names_the_other_distribution(machine) -> None:
    machine([CPU], [CPU])
    with pytest.raises(DeviceError, match="install onnxruntime-gpu in place of onnxruntime"):
        open_session(b"", Device.parse("cuda"), where="m")
    assert (
        open_session(b"", Device.parse("auto"), where="m").fallback
        == "this onnxruntime is built without CUDA"
    )


def test_a_broken_model_is_the_models_fault_on_any_device(tmp_path: Path) -> None:
    for text in ("cpu", "auto"):
        with pytest.raises(ModelFileError, match=r"broken\.onnx is not a model"):
            open_session(b"broken", Device.parse(text), where="broken.onnx")


def test_two_distributions_are_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.0")
    with pytest.raises(DeviceError, match="pip uninstall -y onnxruntime onnxruntime-gpu"):
        check_one_onnxruntime()


def test_one_distribution_is_right() -> None:
    check_one_onnxruntime()
