"""Facts of a run that never was, for reports."""

from __future__ import annotations

from datetime import UTC, datetime

from models.contract import InputSpec, ModelMetadata
from scanner.judgement.policy import Gate, Policy
from scanner.reports.report import RunFacts
from scanner.results.model import ModelFacts


def run_facts(policy: Policy, gate: Gate, *, model: str = "m") -> RunFacts:
    """``model`` is its name; its hash is ``abab…``."""
    facts = ModelFacts(
        file="m.onnx",
        sha256="ab" * 32,
        metadata=ModelMetadata(model, "1", "fake"),
        spec=InputSpec(1, 260),
        device="cpu",
        provider="CPUExecutionProvider",
        libraries={"onnxruntime": "1.2.3"},
    )
    started = datetime(2026, 1, 2, tzinfo=UTC)
    return RunFacts(version="1.2.3", model=facts, policy=policy, gate=gate, inputs=["in"], started=started)
