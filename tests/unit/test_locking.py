# SPDX-License-Identifier: MIT
"""One program at a time in a folder: claims, with a second process and a killed one."""

import signal
import subprocess
import sys

import pytest

from mlms_fenics.errors import InputError
from mlms_fenics.locking import Claim, Lock

HOLDER = """
import sys, time
from mlms_fenics.locking import Claim
with Claim(sys.argv[1], file=len(sys.argv) > 2):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(path, *options):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), *options], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize(("options", "kind"), [((), "folder"), (("file",), "file")])
def test_another_process_is_refused_and_a_killed_one_is_not_in_the_way(tmp_path, options, kind):
    path = tmp_path / "out"
    process = holder(path, *options)
    try:
        said = rf"out' is being written by process {process.pid} on .*another {kind}"
        with pytest.raises(InputError, match=said):
            Claim(path, file=bool(options))
        Claim(tmp_path / "beside", file=bool(options)).release()
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    with Claim(path, file=bool(options)):
        pass
    assert not list(tmp_path.rglob("*lock"))


def test_a_claim_ends_with_its_block_whatever_ended_it(tmp_path):
    with pytest.raises(ValueError, match="odd"), Claim(tmp_path):
        raise ValueError("odd")
    holder(tmp_path).kill()


def test_a_process_may_claim_again_what_it_has(tmp_path):
    with Claim(tmp_path):
        Claim(tmp_path).release()
        with Claim(tmp_path / "." / "below" / ".."):
            pass
        with pytest.raises(AssertionError):
            holder(tmp_path)
    holder(tmp_path).kill()


def test_a_forgotten_claim_is_let_go_of(tmp_path):
    claim = Claim(tmp_path)
    del claim
    holder(tmp_path).kill()


def test_a_lock_whose_file_was_removed_is_taken_anew(tmp_path):
    first = Lock(tmp_path / "lock")
    (tmp_path / "lock").unlink()
    second = Lock(tmp_path / "lock")
    first.release()
    assert (tmp_path / "lock").exists()
    with pytest.raises(BlockingIOError):
        Lock(tmp_path / "lock")
    second.release()
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_said_with_its_path(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file/below"):
        Claim(tmp_path / "file" / "below")
    with pytest.raises(InputError, match=r"missing/model\.h5"):
        Claim(tmp_path / "missing" / "model.h5", file=True)


CONTENDER = """
import os, sys, time
from mlms_fenics.errors import InputError
from mlms_fenics.locking import Claim
end, had = time.monotonic() + 2.0, 0
while time.monotonic() < end:
    try:
        with Claim(sys.argv[1]):
            os.close(os.open(sys.argv[2], os.O_CREAT | os.O_EXCL))
            os.unlink(sys.argv[2])
            had += 1
    except InputError:
        pass
print(had)
"""


def test_of_many_that_try_again_and_again_no_two_have_it_at_once(tmp_path):
    command = [sys.executable, "-c", CONTENDER, str(tmp_path / "out"), str(tmp_path / "inside")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    had = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sum(had) > 10
    assert list((tmp_path / "out").iterdir()) == []
