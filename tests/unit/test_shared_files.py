# SPDX-License-Identifier: MIT
"""Tests shared out among processes: each is run once, whole files by one process."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from shared_files import taken

ROOT = Path(__file__).parents[2]
TESTS = """
def test_one(): pass
def test_other(): assert {}
"""


def test_each_test_is_taken_once_and_files_go_whole(tmp_path):
    names = [f"tests/{k}/test_a.py::test_{n}" for k in range(5) for n in range(3)]
    items = [SimpleNamespace(nodeid=name) for name in names]
    one, other = taken(items, tmp_path), taken(items, tmp_path)
    found = [[next(one)], [next(other)]]
    found[1] += list(other)
    found[0] += list(one)
    assert sorted(item.nodeid for some in found for item in some) == sorted(names)
    files = [{item.nodeid.split("::")[0] for item in some} for some in found]
    assert not files[0] & files[1] and (len(files[0]), len(files[1])) == (1, 4)


def test_failures_of_what_was_taken_are_told(tmp_path):
    share, files = tmp_path / "share", tmp_path / "tests"
    share.mkdir()
    files.mkdir()
    for name, truth in (("good", True), ("bad", False), ("of_another", False)):
        (files / f"test_{name}.py").write_text(TESTS.format(truth))
    (share / "test_of_another.py").mkdir()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--share", share]
    command += ["-c", ROOT / "pyproject.toml", "--rootdir", files, "--confcutdir", ROOT / "tests"]
    done = subprocess.run(
        [*command, "-p", "conftest", files], capture_output=True, text=True, timeout=60,
        cwd=ROOT / "tests",
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 3 passed" in done.stdout
    assert {path.name for path in share.iterdir()} == {f"test_{name}.py" for name in
                                                       ("good", "bad", "of_another")}  # fmt: skip
