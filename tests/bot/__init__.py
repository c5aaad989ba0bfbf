"""Tests of the Rasa island."""

from pathlib import Path

FAULTY = Path(__file__).resolve().parent / "faulty_island.py"
