"""Execution providers: what was asked for is what runs, or the run says why not.

``providers=["CUDAExecutionProvider"]`` on a machine without CUDA gives a CPU session and no exception, and
``get_available_providers()`` lists CUDA all the same. So a session's own list is what counts.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.support.errors import ModelFileError
from models.support.onnx_runtime import load_onnxruntime
from scanner.inference.errors import DeviceError
from scanner.inference.openvino import OPENVINO, OpenVinoSession, runtime_version
from scanner.inference.tensorrt import TENSORRT, tensorrt_options, tensorrt_version

if TYPE_CHECKING:
    import onnxruntime

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
ON_GPU = frozenset({CUDA, TENSORRT})
"""Providers of ours that compute on a GPU."""

DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino")
"""All of them install the same package ``onnxruntime``."""


@dataclass(frozen=True)
class Device:
    """``auto``, ``cpu``, ``openvino``, ``cuda[:N]`` or ``tensorrt[:N]``, parsed."""

    kind: str
    index: int = 0

    @classmethod
    def parse(cls, text: str) -> Device:
        """Raises :class:`DeviceError` for anything else."""
        kind, colon, index = text.partition(":")
        if kind in ("cuda", "tensorrt") and (not colon or (index.isascii() and index.isdigit())):
            return cls(kind, int(index or 0))
        if kind in ("auto", "cpu", "openvino") and not colon:
            return cls(kind)
        raise DeviceError(
            f"--device {text}: not one of auto, cpu, openvino, cuda, cuda:N, tensorrt, tensorrt:N"
        )


@dataclass(frozen=True)
class OpenSession:
    """A session and where it really runs."""

    session: onnxruntime.InferenceSession | OpenVinoSession
    device: str
    """``cpu``, ``openvino``, ``cuda:N`` or ``tensorrt:N``."""
    provider: str
    fallback: str | None
    """Why ``auto`` is not on CUDA; ``None`` when nothing was given up."""


TOLD_THE_PRECISION = ("tensorrt", "openvino")
"""Kinds of devices that do not take the precision from the graph."""


def open_session(model: bytes, device: Device, *, where: str, precision: str = "fp32") -> OpenSession:
    """Load a model on a device. Raises :class:`DeviceError` or :class:`ModelFileError` (naming ``where``).

    ``precision`` is what the model says of itself, for :data:`TOLD_THE_PRECISION`.
    """
    check_one_onnxruntime()
    if device.kind == "cpu":
        return OpenSession(_session(model, [CPU], where), "cpu", CPU, None)
    if device.kind == "openvino":
        return OpenSession(OpenVinoSession(model, precision, where=where), "openvino", OPENVINO, None)
    if device.kind == "tensorrt":
        return _open_tensorrt(model, device.index, where, precision)
    onnxruntime = load_onnxruntime()
    fallback = None
    if CUDA not in onnxruntime.get_available_providers():
        reason = "this onnxruntime is built without CUDA"
        remedy = "install onnxruntime-gpu in place of onnxruntime"
    else:
        session = _try_cuda(model, device.index, where)
        if CUDA in session.get_providers():
            return OpenSession(session, f"cuda:{device.index}", CUDA, None)
        fallback = session
        reason = f"onnxruntime could not start CUDA on device {device.index}"
        remedy = 'check nvidia-smi, or install the CUDA libraries: pip install "deepfake-scanner[cuda]"'
    if device.kind == "cuda":
        raise DeviceError(f"--device cuda: {reason}; {remedy}, or scan with --device cpu")
    return OpenSession(fallback or _session(model, [CPU], where), "cpu", CPU, reason)


def _open_tensorrt(model: bytes, index: int, where: str, precision: str) -> OpenSession:
    remedy = "install TensorRT and its libraries (pip install tensorrt), or scan with --device cuda"
    if TENSORRT not in load_onnxruntime().get_available_providers():
        raise DeviceError(f"--device tensorrt: this onnxruntime is built without TensorRT; {remedy}")
    _preload_libraries()
    options = tensorrt_options(index, hashlib.sha256(model).hexdigest(), precision)
    # What TensorRT does not take of a graph stays on CUDA.
    session = _session(model, [(TENSORRT, options), _cuda(index), CPU], where)
    if TENSORRT not in session.get_providers():
        raise DeviceError(
            f"--device tensorrt: onnxruntime could not start TensorRT on device {index}; {remedy}"
        )
    return OpenSession(session, f"tensorrt:{index}", TENSORRT, None)


def libraries(provider: str) -> dict[str, str]:
    """What computes behind a provider, with full versions, the runtime first: ``{"onnxruntime": "1.31.1"}``."""
    if provider == OPENVINO:
        return {"openvino": runtime_version()}
    found = {"onnxruntime": str(load_onnxruntime().__version__)}
    if provider == TENSORRT:
        found["tensorrt"] = tensorrt_version()
    return found


def check_one_onnxruntime() -> None:
    """Two onnxruntime distributions overwrite each other's files: :class:`DeviceError` with the remedy."""
    found = []
    for name in DISTRIBUTIONS:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        found.append(name)
    if len(found) > 1:
        raise DeviceError(
            f"{' and '.join(found)} are all installed and overwrite each other's files; "
            f"pip uninstall -y {' '.join(found)}, then install deepfake-scanner again"
        )


def _try_cuda(model: bytes, index: int, where: str) -> onnxruntime.InferenceSession:
    """A session on CUDA, or on the CPU where CUDA does not start: its own list of providers tells."""
    _preload_libraries()
    try:
        return _session(model, [_cuda(index), CPU], where)
    except ModelFileError:
        # A broken model is broken on the CPU too, and is reported from there.
        return _session(model, [CPU], where)


def _cuda(index: int) -> tuple[str, dict[str, Any]]:
    # EXHAUSTIVE, the default, would benchmark every new input shape.
    return CUDA, {"device_id": index, "cudnn_conv_algo_search": "HEURISTIC"}


def _preload_libraries() -> None:
    """The CUDA libraries of pip packages are not on the loader's path until they are loaded by hand."""
    onnxruntime = load_onnxruntime()
    if hasattr(onnxruntime, "preload_dlls"):
        _quiet(onnxruntime.preload_dlls)


def _quiet(call: Any) -> None:
    """Call something that prints to stdout when libraries are missing: stdout belongs to the report."""
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()):
        call()


def _session(model: bytes, providers: list[Any], where: str) -> onnxruntime.InferenceSession:
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    # One caller per core with single-threaded operators is the fastest way to use a CPU, and makes results
    # independent of the number of workers.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # A missing CUDA library is our own message's business.
    options.log_severity_level = 4
    onnxruntime.set_default_logger_severity(4)
    try:
        return onnxruntime.InferenceSession(model, sess_options=options, providers=providers)
    except Exception as error:  # noqa: BLE001 - onnxruntime's exceptions share no base but Exception
        raise ModelFileError(
            f"{where} is not a model that onnxruntime can load ({type(error).__name__}); "
            "make one with scan-export CHECKPOINT --out model.onnx"
        ) from None
