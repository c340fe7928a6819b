"""The hashes of what decides a cell's numbers."""

from bench import sources as module
from bench.sources import sources


def test_a_changed_file_changes_its_own_hash_alone(tmp_path):
    task, architecture = tmp_path / "task.py", tmp_path / "architecture.py"
    task.write_text("1")
    architecture.write_text("2")
    before = sources([task], [architecture], "tensorflow")
    other = tmp_path / "other.py"
    other.write_text("3")
    after = sources([other], [architecture], "tensorflow")
    assert {key for key in before if before[key] != after[key]} == {"task"}
    assert before.keys() == {"harness", "task", "architecture", "keras", "numpy", "tensorflow"}


def test_every_file_of_the_harness_that_decides_numbers_exists():
    assert all((module._HERE / name).is_file() for name in module._DECIDING)
