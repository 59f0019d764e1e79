"""Everything that follows from an error code stands beside it; the table in docs/report.md is held to it elsewhere."""

from __future__ import annotations

import json
import pickle

import pytest

from models.error_codes import DependsOn, ErrorCode, Status


def test_a_code_is_its_word() -> None:
    assert ErrorCode("not_found") is ErrorCode.NOT_FOUND == "not_found"
    assert json.dumps({ErrorCode.NOT_FOUND: [ErrorCode.EXCLUDED]}) == '{"not_found": ["excluded"]}'
    assert pickle.loads(pickle.dumps(ErrorCode.DECODE_CRASHED)) is ErrorCode.DECODE_CRASHED  # noqa: S301
    with pytest.raises(ValueError):
        ErrorCode("no such code")


def test_only_what_the_user_left_out_is_never_an_error() -> None:
    assert [code for code in ErrorCode if not code.is_error(strict=True)] == [
        ErrorCode.CONTAINER,
        ErrorCode.EXCLUDED,
    ]
    skipped = [code for code in ErrorCode if code.status is Status.SKIPPED]
    assert [code for code in ErrorCode if not code.is_error(strict=False)] == skipped


def test_what_ended_decoders_may_be_the_fault_of_the_moment() -> None:
    dear = {code for code in ErrorCode if code.ended_decoders}
    assert dear == {ErrorCode.DECODE_CRASHED, ErrorCode.DECODE_TIMEOUT}
    assert all(code.depends_on is DependsOn.MOMENT for code in dear)
    assert {code for code in ErrorCode if code.depends_on is DependsOn.LIMITS} == {
        ErrorCode.TOO_MANY_BYTES,
        ErrorCode.TOO_MANY_PIXELS,
        ErrorCode.INFERENCE_FAILED,
        ErrorCode.CONTAINER,
    }
