"""What a training run says while it runs, on stderr."""

from __future__ import annotations

import sys

from tqdm import tqdm

from models.support.terminal import say
from train.run_folder import EpochRow


class TrainingBar:
    """A tqdm bar per epoch (images/s and ETA) and a line after it; only the lines without a terminal."""

    def __init__(self, *, bar: bool) -> None:
        self.disabled = not bar
        self._bar: tqdm | None = None

    def epoch(self, phase: str, epoch: int, epochs: int, steps: int, done: int) -> None:
        self._bar = tqdm(
            desc=f"{phase} {epoch}/{epochs}",
            total=steps,
            initial=done,
            unit="step",
            disable=self.disabled,
            leave=False,
            file=sys.stderr,
            dynamic_ncols=True,
        )

    def step(self, images: int, loss: float) -> None:
        if self._bar is None:
            return
        self._bar.update()
        rate = self._bar.format_dict["rate"]
        if rate:
            self._bar.set_postfix_str(f"{rate * images:.1f} images/s, loss {loss:.3f}", refresh=False)

    def row(self, row: EpochRow) -> None:
        if self._bar is not None:
            self._bar.close()
        say(
            f"epoch {row.epoch} ({row.phase}): train loss {row.train_loss:.4f}, select loss {row.select_loss:.4f}, "
            f"select AUC {row.select_auc:.4f}, {row.images_per_second:.1f} images/s ({_parts(row)})"
        )

    def note(self, text: str) -> None:
        say(text)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _parts(row: EpochRow) -> str:
    """What the network and the loader could do by themselves, and which of them holds the other up."""
    model, loader = row.model_images_per_second, row.loader_images_per_second
    if model is None or loader is None:
        return "all features remembered"
    text = f"model {model:.1f}, loader {loader:.0f}"
    return f"{text}: the loader holds the model up, try more --workers" if loader < model else text
