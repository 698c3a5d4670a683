"""The CDDL of the specification, as somebody else's validator reads it, against the vectors."""

from __future__ import annotations

import json
import re
import subprocess
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sealwire import cose
from sealwire.body import decode_body

HERE = Path(__file__).parent
TOP = HERE.parents[1]
PAGE = TOP / "docs" / "spec" / "sealwire-1.md"
VECTORS = TOP / "tests" / "vectors" / "files"
PYTHON = TOP / "build" / "interop" / "python" / "bin" / "python"
LAYERS = ("mac0", "encrypt0", "sign1")
BLOCK = re.compile(r"^ *```cddl\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)

# What these rules have no words for. That every other bad vector breaks them shows that they say
# something; the reader's own tests show these.
BEYOND_CDDL = {
    "sealed": {
        # Deterministic encoding; a protected header is compared with one constant.
        *(f"{layer}-array-{form}" for layer in LAYERS for form in ("indefinite", "longer")),
        *(f"{layer}-headers-swapped" for layer in LAYERS),
        "encrypt0-payload-longer-head",
        "tag-of-two-bytes",
        *(
            f"several-{form}"
            for form in ("count-longer", "count-indefinite", "payload-longer-head")
        ),
        # How two signatures compare.
        "several-issuer-twice",
        "several-one-twice",
        "several-out-of-order",
        # Right objects, of a kind that the receiver did not expect there.
        "several-of-one",
        "several-where-one-is-expected",
        "outer-layers-swapped",
        "receipt-in-the-clear",
        "stripped-gate",
        "ways-no-such-kind",
    },
    "body": {
        # Deterministic encoding.
        "body-array-indefinite",
        "body-array-longer",
        "body-claims-in-another-order",
        "body-claims-indefinite",
        "body-document-longer-head",
        "body-time-longer-head",
        # How two claims compare.
        "body-exp-before-iat",
        "body-exp-is-iat",
    },
    "unfinished": {
        # Limits and an order, which stand in the text.
        "unfinished-algorithms-empty",
        "unfinished-algorithms-end",
        "unfinished-algorithms-nine",
        # What the payload holds.
        "unfinished-body-malformed",
    },
    # Limits, which stand in the comments.
    "answer": {
        "answer-reason-empty",
        "answer-report-empty",
        "answer-report-too-long",
        "answer-too-long",
    },
}


class Asked(NamedTuple):
    """A value, the rule it is held against, and whether it keeps it by the vector's word."""

    name: str
    rule: str
    kind: str
    value: str
    good: bool


def vectors() -> list[dict[str, Any]]:
    """Read the vectors."""
    found = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(VECTORS.glob("*.json"))
    ]
    assert found
    return found


def sign1_payload(data: bytes) -> bytes:
    """Give what stands in an object of this shape, whether or not its signature is right."""
    return cose.payload_of(cose.SIGN1, data[cose.SIGN1.framed])


def asked() -> list[Asked]:
    """Give everything that the rules can be held against."""
    found = []
    for vector in vectors():
        name, data, outcome = vector["name"], vector["data"], vector["expected"]["outcome"]
        good, reason = outcome != "refused", vector["expected"].get("reason")
        plain = data.startswith("d2844d")
        if vector["kind"] in {"message", "receipt"} and (good or reason == "envelope-malformed"):
            found.append(Asked(name, "sealed", "cbor", data, good))
        if (
            vector["kind"] in {"message", "receipt"}
            and plain
            and (good or reason == "body-malformed")
        ):
            body = sign1_payload(bytes.fromhex(data))
            found.append(Asked(name, "body", "cbor", body.hex(), good))
            if vector["kind"] == "receipt" and good:
                _, _, document = decode_body(body)
                found.append(Asked(name, "receipt", "json", document.decode(), good))
        if vector["kind"] == "unfinished":
            found.append(Asked(name, "unfinished", "cbor", data, good))
        if vector["kind"] == "answer":
            found.append(Asked(name, "answer", "cbor", data, good))
    return found


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], tuple[bool, bool]]:
    """Give for each vector and rule whether it should be kept, and whether it is."""
    assert PYTHON.exists(), "run these tests by: make interop"
    schema = tmp_path_factory.mktemp("cddl") / "sealwire.cddl"
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    schema.write_text("\n".join(map(textwrap.dedent, blocks)), encoding="utf-8")
    everything = asked()
    given = "".join(f"{json.dumps([one.rule, one.kind, one.value])}\n" for one in everything)
    command = [PYTHON, HERE / "cddl_check.py", schema]
    run = subprocess.run(command, input=given, stdout=subprocess.PIPE, text=True, check=True)
    answers = map(json.loads, run.stdout.splitlines())
    pairs = zip(everything, answers, strict=True)
    return {(one.rule, one.name): (one.good, answer) for one, answer in pairs}


@pytest.mark.parametrize("rule", ["sealed", "body", "answer", "receipt", "unfinished"])
def test_what_is_good_keeps_the_rules(
    kept: dict[tuple[str, str], tuple[bool, bool]], rule: str
) -> None:
    """Nothing that a receiver takes is beyond what the page writes down."""
    good = {name: answer for (of, name), (good, answer) in kept.items() if of == rule and good}
    assert good
    assert [] == [name for name, answer in good.items() if not answer]


@pytest.mark.parametrize("rule", ["sealed", "body", "answer", "unfinished"])
def test_what_is_bad_breaks_them(kept: dict[tuple[str, str], tuple[bool, bool]], rule: str) -> None:
    """The rules say what the reader does, but for what CDDL cannot say."""
    bad = {name: answer for (of, name), (good, answer) in kept.items() if of == rule and not good}
    assert BEYOND_CDDL[rule] == {name for name, answer in bad.items() if answer}
    assert len(bad) > len(BEYOND_CDDL[rule])
