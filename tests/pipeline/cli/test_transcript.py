"""What a person reads: a session kept word for word, and that all of it fits a terminal of 100 columns.

``OCC_PIPELINE_WRITE_TRANSCRIPT=1`` writes the session anew: read the difference before it is kept.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
from occ_pipeline.pipeline.cli.main import app
from occ_pipeline.pipeline.registry import RECIPES, STAGES
from occ_pipeline.tests.pipeline.cli.conftest import Clean
from occ_pipeline.tests.pipeline.program import Program

TRANSCRIPT = Path(__file__).with_name("transcript.txt")
COMMANDS = sorted(command.callback.__name__ for command in app.registered_commands if command.callback)
NUMBERS = [
    (r"\d+(\.\d+)? (GiB|MB|kB|MiB)\b", r"N \2"),
    # A crowded machine takes minutes.
    (r"\d+(\.\d+)? (s|min|h)\b", "N s"),
    (r"\d{8}T\d{6}\.\d+Z", "TIME"),
    (r"\b[0-9a-f]{8}(?:[0-9a-f]{8})?\b", "FINGERPRINT"),
    (r"with \d+ workers?", "with N workers"),
    (r"TEMP\S*", "TEMP"),
]
"""What differs from machine to machine and from day to day."""


def told(program: Program, line: str, places: dict[str, str]) -> str:
    """A command's exit code, output and messages, with places named and numbers blanked."""
    words = [re.sub(r"LOG|STORE|SETTINGS", lambda found: places[found[0]], word) for word in shlex.split(line)]
    ended = program(*words[2:])
    text = ended.out + ended.err
    for name, place in places.items():
        text = text.replace(place, name)
    for pattern, blank in NUMBERS:
        text = re.sub(pattern, blank, text)
    # Tables are drawn as wide as what stands in them.
    text = re.sub(r"[─━╌]{2,}", "──", text)
    text = re.sub(r" {2,}", " ", text)
    return f"{line}\n{text}exit {ended.code}\n"


def session() -> list[str]:
    return [line for line in TRANSCRIPT.read_text(encoding="utf-8").splitlines() if line.startswith("$ ")]


def test_a_session_reads_as_it_did(clean: Clean, log: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(log.parent)
    places = {"LOG": str(log), "STORE": str(clean.store), "SETTINGS": str(log.parent / "settings.yaml")}
    written = "\n".join(told(program, line, places) for line in session())
    if os.environ.get("OCC_PIPELINE_WRITE_TRANSCRIPT"):
        TRANSCRIPT.write_text(written, encoding="utf-8")
    assert written == TRANSCRIPT.read_text(encoding="utf-8")
    assert "Traceback" not in written


@pytest.mark.parametrize("words", [(), ("run",), *[(c,) for c in COMMANDS], *[("run", n) for n in [*STAGES, *RECIPES]]])
def test_help_fits_and_says_what_to_do(words: tuple[str, ...], program: Program) -> None:
    ended = program(*words, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert max(map(len, ended.out.splitlines())) <= 100
    text = " ".join(ended.out.replace("│", " ").split())
    if not words:
        assert "occ-pipeline run densify" in text
        assert all(f" {command} " in text for command in ("run", *COMMANDS))
    elif words == ("run",):
        assert all(f" {name} " in text for name in [*STAGES, *RECIPES])


def test_tables_fit_a_hundred_columns(clean: Clean, log: Path, program: Program) -> None:
    plan = ("plan", "densify", "--dataroot", log, "--out", clean.store, "--set", "reconstruct.knn=3")
    for words in (plan, ("status", clean.store), ("gc", clean.store), ("doctor",), ("logs", clean.store, "scene-0001")):
        ended = program(*words)
        lines = [line for line in (ended.out + ended.err).splitlines() if any(mark in line for mark in "│┃┏└")]
        assert max(map(len, [*lines, ""])) <= 100, words
