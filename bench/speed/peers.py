"""What others use, each as its users would write it. Every loop takes a number of images and counts its scores."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from models.contract import IMAGE_SIZE, IMAGENET_MEAN, IMAGENET_STD
from models.network import load_network, state_dict_from_onnx
from models.preprocessing import preprocess
from models.support.machine import usable_cores

Loop = Callable[[int], int]

NOTEBOOK_BATCH = 32
"""Of the notebook and of timm."""
NOTEBOOK_WORKERS = 2
PIPELINE_BATCH = 8


class NotInstalled(Exception):
    """A peer that this environment lacks."""


class PictureFiles(Dataset[tuple[Tensor, int]]):
    """Files through a ``transform`` of PIL pictures, which timm's loader sets itself; the label is always 0."""

    def __init__(
        self, paths: Sequence[Path], transform: Callable[[Image.Image], Tensor] | None = None
    ) -> None:
        self.paths, self.transform = paths, transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        assert self.transform is not None
        with Image.open(self.paths[index]) as picture:
            return self.transform(picture.convert("RGB")), 0


class PixelFiles(Dataset[np.ndarray]):
    """Files through the project's own preprocessing: ``uint8[260, 260, 3]``."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        return preprocess(self.paths[index].read_bytes())[0]


def notebook_loop(model: Path, paths: Sequence[Path], device: torch.device) -> Loop:
    """torchvision's network and transforms, fp32, contiguous, batch 32, two loader workers."""
    from torchvision import transforms

    network = _network(model).to(device)
    transform = transforms.Compose(
        [
            transforms.Resize((IMAGE_SIZE, IMAGE_SIZE)),
            transforms.ToTensor(),
            transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]
    )

    def run(count: int) -> int:
        files = PictureFiles(paths[:count], transform)
        return _score(network, DataLoader(files, NOTEBOOK_BATCH, num_workers=NOTEBOOK_WORKERS), device)

    return run


def timm_loop(paths: Sequence[Path], device: torch.device) -> Loop:
    """timm's network, transform and loader, fp32, batch 32. Raises :class:`NotInstalled`."""
    timm = _peer("timm")
    network = timm.create_model("efficientnet_b4", pretrained=False, num_classes=1).eval().to(device)
    config = timm.data.resolve_data_config({"input_size": (3, IMAGE_SIZE, IMAGE_SIZE)}, model=network)

    def run(count: int) -> int:
        loader = timm.data.create_loader(
            PictureFiles(paths[:count]),
            batch_size=NOTEBOOK_BATCH,
            num_workers=NOTEBOOK_WORKERS,
            use_prefetcher=False,
            persistent_workers=False,
            device=device,
            **config,
        )
        return _score(network, loader, device)

    return run


def pipeline_loop(paths: Sequence[Path], device: torch.device) -> Loop:
    """transformers' image-classification pipeline over an EfficientNet of B4's size, batch 8.

    Raises :class:`NotInstalled`.
    """
    transformers = _peer("transformers")
    config = transformers.EfficientNetConfig(
        width_coefficient=1.4, depth_coefficient=1.8, hidden_dim=1792, image_size=IMAGE_SIZE, num_labels=1
    )
    classify = transformers.pipeline(
        "image-classification",
        model=transformers.EfficientNetForImageClassification(config).eval(),
        image_processor=transformers.EfficientNetImageProcessor(
            size={"height": IMAGE_SIZE, "width": IMAGE_SIZE}, image_mean=IMAGENET_MEAN, image_std=IMAGENET_STD
        ),
        device=device,
    )

    def run(count: int) -> int:
        names = [str(path) for path in paths[:count]]
        return sum("score" in answer[0] for answer in classify(names, batch_size=PIPELINE_BATCH))

    return run


def tuned_batch(device: torch.device) -> int:
    """Of the loops below."""
    return 64 if device.type == "cuda" else 8


def eager_loop(model: Path, paths: Sequence[Path], device: torch.device, dtype: torch.dtype | None) -> Loop:
    """channels_last, decoding in loader workers; ``dtype`` is autocast's, ``None`` computes in fp32."""
    return _tuned(_Tuned(_network(model), dtype).to(device), paths, device)


def compiled_loop(model: Path, paths: Sequence[Path], device: torch.device) -> tuple[Loop, float]:
    """The same in bf16, compiled with frozen weights; also the seconds that compiling took.

    Raises whatever the compiler raises, for instance where there is no C++ compiler.
    """
    import torch._dynamo.config
    import torch._inductor.config

    network = _Tuned(_network(model), torch.bfloat16).to(device)
    compiled = torch.compile(network, dynamic=False)
    freezing: AbstractContextManager[object] = torch._inductor.config.patch(freezing=True)
    example = torch.zeros(tuned_batch(device), IMAGE_SIZE, IMAGE_SIZE, 3, dtype=torch.uint8, device=device)
    start = time.perf_counter()
    with _fastest_convolutions(), torch.no_grad(), freezing:
        compiled(example).cpu()
    seconds = time.perf_counter() - start
    loop = _tuned(compiled, paths, device)

    def run(count: int) -> int:
        # Compiling again in the middle of a round would be measured as the network's own slowness.
        with torch._dynamo.config.patch(error_on_recompile=True):
            return loop(count)

    return run, seconds


class _Tuned(nn.Module):
    """From ``uint8[N, 260, 260, 3]``, which are channels_last as they come, to ``float32[N]`` probabilities."""

    def __init__(self, network: nn.Module, dtype: torch.dtype | None) -> None:
        super().__init__()
        self.network, self.dtype = network.to(memory_format=torch.channels_last), dtype
        self.mean = nn.Buffer(torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1) * 255)
        self.std = nn.Buffer(torch.tensor(IMAGENET_STD).view(1, 3, 1, 1) * 255)

    def forward(self, pixels: Tensor) -> Tensor:
        batch = (pixels.permute(0, 3, 1, 2).float() - self.mean) / self.std
        with torch.autocast(pixels.device.type, self.dtype, enabled=self.dtype is not None):
            logits: Tensor = self.network(batch)
        return torch.sigmoid(logits.float()).flatten()


def _tuned(network: Callable[[Tensor], Tensor], paths: Sequence[Path], device: torch.device) -> Loop:
    gpu = device.type == "cuda"
    # On a CPU a second worker would only take a core from the network.
    workers = usable_cores() if gpu else 1

    def run(count: int) -> int:
        files = PixelFiles(paths[:count])
        loader = DataLoader(files, tuned_batch(device), num_workers=workers, pin_memory=gpu)
        with _fastest_convolutions(), torch.no_grad():
            # Fetched at the end: the device need not wait for each batch.
            scores = [network(pixels.to(device, non_blocking=True)) for pixels in loader]
            return _finite(torch.cat(scores))

    return run


@contextmanager
def _fastest_convolutions() -> Iterator[None]:
    """cuDNN tries its algorithms for each shape, as whoever tunes torch on a GPU lets it; no effect on a CPU."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def _network(model: Path) -> nn.Module:
    network: nn.Module = load_network(state_dict_from_onnx(model), where=str(model))
    return network


def _score(network: nn.Module, loader: Iterable[Any], device: torch.device) -> int:
    done = 0
    with torch.no_grad():
        for batch, _ in loader:
            done += _finite(torch.sigmoid(network(batch.to(device))))
    return done


def _finite(scores: Tensor) -> int:
    return int(torch.isfinite(scores.cpu()).sum())


def _peer(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise NotInstalled(f"{name} is not installed (pip install {name})") from None
