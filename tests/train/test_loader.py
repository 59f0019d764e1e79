from __future__ import annotations

import pickle
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from models.contract import Label
from models.preprocessing import preprocess, to_input
from models.support.errors import DataError
from train.augmentation.hide_and_seek import FILL
from train.augmentation.on_the_way import ON_THE_WAY
from train.datasets.decoded_store import Pictures, read_rgb
from train.datasets.loader import Batch, EpochPlan, WholeView, steps_of, training_batches
from train.datasets.loader import whole_batches as _whole_batches
from train.datasets.looks import measure, sharpness
from train.datasets.tree import LabelledImage
from train.recipes import SCRATCH, Phase, View

PHASE = Phase("48", 1, 1e-3, size=48, view=View.CROP)
ORDER = [3, 1, 4, 1, 5, 2, 6, 0, 7, 3]


@pytest.fixture
def recipe() -> Any:
    return replace(SCRATCH, batch_size=4)


Pair = tuple[Tensor, Tensor]


def pairs(batches: Iterable[Batch]) -> list[Pair]:
    return [(batch.inputs, batch.labels) for batch in batches]


def batches(
    images: list[LabelledImage],
    recipe: Any,
    order: list[int] = ORDER,
    pictures: Pictures | None = None,
    first_step: int = 0,
    **changes: Any,
) -> list[Pair]:
    settings = {"seed": 1, "epoch": 2, "workers": 0} | changes
    workers = settings.pop("workers")
    plan = EpochPlan(images, order, recipe, PHASE, **settings)
    steps = steps_of(order, recipe.batch_size, first_step)
    return pairs(training_batches(plan, steps, pictures or Pictures(0), workers=workers))


def whole_batches(images: list[LabelledImage], **settings: Any) -> list[Pair]:
    return pairs(_whole_batches(images, Pictures(0), **settings))


def same(one: list[Pair], other: list[Pair]) -> bool:
    return len(one) == len(other) and all(
        torch.equal(a, c) and torch.equal(b, d) for (a, b), (c, d) in zip(one, other, strict=True)
    )


def test_batches_are_pixels_and_labels_in_the_given_order(
    toy_images: list[LabelledImage], recipe: Any
) -> None:
    made = batches(toy_images, recipe)
    assert [(pixels.shape, pixels.dtype) for pixels, _ in made] == [
        ((n, 48, 48, 3), torch.uint8) for n in (4, 4, 2)
    ]
    labels = torch.cat([labels for _, labels in made])
    assert labels.dtype == torch.float32
    assert labels.tolist() == [float(toy_images[index].label) for index in ORDER]


def test_samples_depend_on_seed_epoch_and_place_alone(toy_images: list[LabelledImage], recipe: Any) -> None:
    made = batches(toy_images, recipe)
    assert same(made, batches(toy_images, recipe))
    assert not same(made, batches(toy_images, recipe, seed=2))
    assert not same(made, batches(toy_images, recipe, epoch=3))
    # Image 3 comes first and last: augmented anew each time.
    assert not torch.equal(made[0][0][0], made[2][0][1])


def test_an_epoch_begun_later_goes_on_with_the_same_batches(
    toy_images: list[LabelledImage], recipe: Any
) -> None:
    made = batches(toy_images, recipe)
    for step in range(4):
        assert same(made[step:], batches(toy_images, recipe, first_step=step))


def test_workers_change_nothing(toy_images: list[LabelledImage], recipe: Any) -> None:
    assert same(batches(toy_images, recipe), batches(toy_images, recipe, workers=2))


def test_torchs_own_generator_is_left_alone(toy_images: list[LabelledImage], recipe: Any) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    batches(toy_images, recipe)
    batches(toy_images, recipe, workers=1)
    list(whole_batches(toy_images, batch_size=3, workers=0))
    assert torch.equal(before, torch.get_rng_state())


def test_whole_images_are_the_laws_output_in_order(toy_images: list[LabelledImage]) -> None:
    made = list(whole_batches(toy_images, batch_size=3, workers=0))
    assert [len(labels) for _, labels in made] == [3, 3, 2]
    pixels = torch.cat([pixels for pixels, _ in made])
    for image, row in zip(toy_images, pixels, strict=True):
        assert torch.equal(row, torch.from_numpy(preprocess(image.path.read_bytes())[0]))


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_is_gone_is_named_in_one_sentence(
    workers: int, toy_images: list[LabelledImage], recipe: Any
) -> None:
    gone = LabelledImage(Path("gone.png"), "gone.png", toy_images[3].label)
    images = [*toy_images[:3], gone, *toy_images[4:]]
    with pytest.raises(DataError) as caught:
        batches(images, recipe, workers=workers)
    assert str(caught.value).startswith("gone.png could be read before training and no longer")
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"gone\.png"):
        list(whole_batches(images, batch_size=3, workers=workers))


def test_self_blended_fakes_take_the_place_of_a_share_of_the_fakes(
    toy_images: list[LabelledImage], recipe: Any
) -> None:
    plain = batches(toy_images, recipe)
    blended = batches(toy_images, replace(recipe, self_blend=0.999))
    for (before, labels), (after, again) in zip(plain, blended, strict=True):
        assert torch.equal(labels, again)
        for one, other, label in zip(before, after, labels, strict=True):
            # A real image is drawn as before: the switch costs it no random number.
            assert torch.equal(one, other) == (label == 0)


def test_a_couples_fake_is_blended_from_its_own_real(
    toy_images: list[LabelledImage], recipe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    blended_from = []
    monkeypatch.setattr(
        "train.datasets.loader.self_blend",
        lambda rgb, rng, face: (blended_from.append(rgb.tobytes()), rgb)[1],
    )
    order = [0, 1, 4, 3, 2, 7]
    batches(toy_images, replace(recipe, self_blend=0.999), order)
    assert blended_from == [read_rgb(toy_images[index]).tobytes() for index in (0, 4, 2)]


@pytest.mark.slow
def test_both_classes_are_degraded_equally_often(
    toy_images: list[LabelledImage], recipe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Self-blended fakes among them: a degradation that goes with a class would be learnt for it."""
    calls: list[int] = []
    monkeypatch.setattr("train.augmentation.augment.degrade", lambda rgb, rng: (calls.append(1), rgb)[1])
    recipe = replace(recipe, degradations=True, degradation_share=0.4, self_blend=0.25)
    counts = {}
    for label in Label:
        index = next(i for i, image in enumerate(toy_images) if image.label is label)
        calls.clear()
        batches(toy_images, recipe, [index] * 400)
        counts[label] = len(calls)
    # 160 expected, with a standard deviation of 9.8.
    assert all(abs(count - 160) < 40 for count in counts.values()), counts
    calls.clear()
    batches(toy_images, replace(recipe, degradations=False), [0] * 20)
    assert not calls


def test_the_sharper_of_a_couple_becomes_as_soft_as_the_other(recipe: Any, tmp_path: Path) -> None:
    looks = {Label.REAL: 3.0, Label.FAKE: 1.0}
    images = []
    for label, grain in ((Label.REAL, 2), (Label.FAKE, 4)):
        rough = np.random.default_rng(label).integers(0, 256, (96 // grain, 96 // grain, 3), np.uint8)
        path = tmp_path / f"{label.title}.png"
        Image.fromarray(rough).resize((96, 96)).save(path)
        with Image.open(path) as picture:
            look = measure(picture.convert("RGB"), file_bytes=1, pixels=1)
        looks[label] = look.sharpness
        images.append(LabelledImage(path, path.name, label, look=look))
    plain = replace(recipe, color_jitter=0.0, flip=False, degradations=False)
    order = [0, 1] * 40

    def softnesses(share: float) -> dict[Label, list[float]]:
        found: dict[Label, list[float]] = {label: [] for label in Label}
        phase = Phase("260", 1, 1.0)
        plan = EpochPlan(images, order, replace(plain, same_sharpness=share), phase, seed=1, epoch=0)
        for batch in training_batches(plan, steps_of(order, 8), Pictures(0), workers=0):
            for pixels, label in zip(batch.inputs, batch.labels, strict=True):
                found[Label(int(label))].append(sharpness(Image.fromarray(pixels.numpy())))
        return found

    before, after = softnesses(0.0), softnesses(0.5)
    assert before[Label.FAKE] == after[Label.FAKE], "the softer one stays"
    changed = [now for old, now in zip(before[Label.REAL], after[Label.REAL], strict=True) if now != old]
    assert 10 < len(changed) < 30 and max(changed) <= looks[Label.FAKE] + 0.15
    blended = replace(plain, same_sharpness=0.99, self_blend=0.99)
    made = batches(images, blended, order)
    assert same(made, batches(images, replace(blended, same_sharpness=0.98), order)), (
        "a made fake has its own"
    )


def test_cells_are_hidden_after_everything_else_in_both_classes(
    toy_images: list[LabelledImage], recipe: Any
) -> None:
    order = list(range(len(toy_images))) * 40
    plain, some = (batches(toy_images, replace(recipe, hide_and_seek=share), order) for share in (0.0, 0.5))
    pixels, before = (torch.cat([one for one, _ in made]) for made in (some, plain))
    labels = torch.cat([labels for _, labels in some])
    covered = (pixels == torch.from_numpy(FILL)).all(dim=-1)
    assert torch.equal(pixels[~covered], before[~covered])
    for label in Label:
        # Of a picture of 48 pixels, some that are drawn lose no cell.
        assert 0.1 < covered[labels == label].any(dim=2).any(dim=1).float().mean() < 0.5


def test_faces_are_cut_out_by_the_law_and_around_it_in_training(
    toy_images: list[LabelledImage], recipe: Any
) -> None:
    images = [replace(image, face=(6.0, 6.0, 8.0, 8.0)) for image in toy_images]
    law = list(_whole_batches(images, Pictures(0), batch_size=8, workers=0, margin=1.5))
    for pixels, image in zip(law[0].inputs, images, strict=True):
        square = read_rgb(image).crop((4, 4, 16, 16))
        assert torch.equal(pixels, torch.from_numpy(to_input(square)))
    whole = batches(images, recipe)
    assert same(whole, batches(toy_images, recipe)), "without a margin a known face changes nothing"
    assert not same(whole, batches(images, replace(recipe, margin=1.5)))


def test_the_degraded_copy_is_always_the_same(toy_images: list[LabelledImage]) -> None:
    def pixels(degraded: bool) -> Tensor:
        made = whole_batches(toy_images, batch_size=3, workers=0, view=WholeView(degraded=degraded))
        return torch.cat([batch for batch, _ in made])

    assert torch.equal(pixels(True), pixels(True))
    assert not torch.equal(pixels(True), pixels(False))


@pytest.mark.parametrize("name", ON_THE_WAY)
def test_a_condition_is_what_happened_to_the_picture_before_its_face_was_cut(
    name: str, toy_images: list[LabelledImage]
) -> None:
    condition = ON_THE_WAY[name]
    images = [replace(image, face=(6.0, 6.0, 8.0, 8.0)) for image in toy_images]
    view = WholeView(condition=condition)
    found = list(_whole_batches(images, Pictures(0), batch_size=8, workers=0, view=view, margin=1.5))
    # A worker of another process is given the condition, too.
    assert pickle.dumps(view)
    for pixels, image in zip(found[0].inputs, images, strict=True):
        changed = condition(read_rgb(image), np.random.default_rng(0))
        assert changed.size == read_rgb(image).size and changed.tobytes() != read_rgb(image).tobytes()
        assert torch.equal(pixels, torch.from_numpy(to_input(changed.crop((4, 4, 16, 16)))))


def test_pictures_in_memory_give_the_same_batches_and_are_not_read_again(
    toy_images: list[LabelledImage], recipe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = batches(toy_images, recipe)
    pictures = Pictures(10**6)
    pictures.fill(toy_images, workers=2)
    gone = [replace(image, path=Path("gone")) for image in toy_images]
    assert same(before, batches(gone, recipe, pictures=pictures))
    # A forked worker reads the same memory.
    assert same(before, batches(gone, recipe, pictures=pictures, workers=2))


def test_a_batch_says_what_making_it_took(toy_images: list[LabelledImage], recipe: Any) -> None:
    made = list(_whole_batches(toy_images, Pictures(0), batch_size=5, workers=0))
    assert [batch.made for batch in made] == [5, 3]
    assert all(batch.seconds > 0 for batch in made)


def test_with_views_an_image_looks_the_same_in_every_place_and_comes_back(
    toy_images: list[LabelledImage], recipe: Any
) -> None:
    recipe = replace(recipe, views=2, self_blend=0.5, degradations=True)
    images = [
        torch.cat([pixels for pixels, _ in batches(toy_images, recipe, epoch=epoch)]) for epoch in (0, 1, 2)
    ]
    first = images[0]
    assert torch.equal(first[0], first[9])  # image 3, twice
    assert torch.equal(first[1], first[3])  # image 1, twice
    assert torch.equal(first, images[2])
    assert not torch.equal(first, images[1])
    backwards = torch.cat([pixels for pixels, _ in batches(toy_images, recipe, ORDER[::-1], epoch=0)])
    assert torch.equal(first, backwards.flip(0))
