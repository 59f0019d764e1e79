from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from export.images import proof_images
from export.parity import Parity, ParityError, compare, reference_scores
from models.contract import Label
from models.network import load_network


def scores(logit: Any) -> tuple[Any, Any]:
    logit = np.asarray(logit, dtype=np.float32)
    return logit, (1 / (1 + np.exp(-logit))).astype(np.float32)


def compared(given: Any, expected: Any) -> Parity:
    """The comparison of logits that a file gives with those that it should have given."""
    images = np.arange(len(expected), dtype=np.uint8).reshape(-1, 1, 1, 1)
    return compare(lambda batch: scores(np.asarray(given)[batch.ravel()]), scores(expected), images)


def test_differences_are_the_largest_over_all_batches() -> None:
    expected = np.linspace(-2, 2, 20)
    given = expected.copy()
    given[13] += 0.25
    parity = compared(given, expected)
    assert parity.images == 20
    assert parity.max_abs_logit == pytest.approx(0.25, rel=1e-5)
    assert parity.max_abs_prob == pytest.approx(scores(given)[1][13] - scores(expected)[1][13], rel=1e-5)
    assert parity.failure(1e-4) is not None
    assert compared(expected, expected).failure(1e-4) is None


def test_batches_of_one_and_of_several_are_scored() -> None:
    sizes = []

    def score(batch: Any) -> tuple[Any, Any]:
        sizes.append(len(batch))
        return scores(np.zeros(len(batch)))

    compare(score, scores(np.zeros(32)), proof_images())
    assert sum(sizes) == 32
    assert {1, 2, 8} <= set(sizes)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_never_pass(bad: float) -> None:
    assert compared([0.0, bad], [0.0, 0.0]).failure(1e-4) is not None


def test_infinite_logit_fails_even_where_the_probability_agrees() -> None:
    assert compared([0.0, np.inf], [0.0, 200.0]).failure(1e-4) == "its logits are not finite"


@pytest.mark.parametrize(
    "wrong",
    [lambda n: np.zeros((n, 1), np.float32), lambda n: np.zeros(n), lambda n: np.zeros(1, np.float32)],
)
def test_scores_of_another_shape_or_type_are_refused(wrong: Any) -> None:
    with pytest.raises(ParityError, match="the contract says float32"):
        compare(lambda batch: (wrong(len(batch)), wrong(len(batch))), scores(np.zeros(32)), proof_images())


def test_constant_probabilities_are_noticed() -> None:
    assert compared([0.5, 0.5], [0.5, 0.5]).constant
    assert not compared([0.5, 0.6], [0.5, 0.6]).constant


@pytest.mark.slow
def test_reference_orientation_and_temperature(state: Any, images: Any) -> None:
    network = load_network(state, where="the fixture")
    logit, prob = reference_scores(network, images[:2], positive=Label.FAKE, temperature=2.0)
    turned, _ = reference_scores(network, images[:2], positive=Label.REAL, temperature=2.0)
    assert logit.shape == prob.shape == (2,)
    np.testing.assert_allclose(prob, 1 / (1 + np.exp(-logit / 2)), rtol=1e-5)
    np.testing.assert_array_equal(turned, -logit)


def test_proof_images_are_varied_and_the_same_each_time() -> None:
    images = proof_images()
    assert images.shape == (32, 260, 260, 3) and images.dtype == np.uint8
    np.testing.assert_array_equal(images, proof_images())
    assert len({image.tobytes() for image in images}) == 32
    flat = images.reshape(32, -1).std(axis=1)
    assert flat.min() == 0 and flat.max() > 100
