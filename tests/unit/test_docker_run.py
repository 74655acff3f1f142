# SPDX-License-Identifier: MIT
"""The environment's scripts, as far as they can be tried from within it."""

import ast
import itertools
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
RUN = CHECKOUT / "docker" / "run"
OWN = ("MLMS_FENICS_", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "XDG_CACHE_HOME")

# What is imported, and the Debian package of install.sh's list that holds it.
PACKAGE_OF = {
    "basix": "python3-dolfinx-real",
    "dolfinx": "python3-dolfinx-real",
    "ffcx": "python3-dolfinx-real",
    "furo": "furo",
    "gmsh": "python3-gmsh",
    "h5py": "python3-h5py-mpi",
    "hypothesis": "python3-hypothesis",
    "matplotlib": "python3-matplotlib",
    "meshio": "python3-meshio",
    "mpi4py": "python3-mpi4py",
    "mpi4py_fft": "python3-mpi4py-fft",
    "myst_parser": "python3-myst-parser",
    "numba": "python3-numba",
    "numpy": "python3-numpy",
    "petsc4py": "python3-petsc4py",
    "pytest": "python3-pytest",
    "pyvista": "python3-pyvista",
    "scipy": "python3-scipy",
    "setuptools": "python3-setuptools",
    "sphinx": "python3-sphinx",
    "torch": "python3-torch",
    "pyyaml": "python3-yaml",
    "tqdm": "python3-tqdm",
    "ufl": "python3-dolfinx-real",
    "vtk": "python3-vtk9",
    "yaml": "python3-yaml",
}
# Scripts for ParaView's own Python, and those that made reference data with other codes; and what
# PyTorch for GPUs brings along, in whose place PyTorch's operations stand where it is missing.
ELSEWHERE = {"paraview", "neml", "muSpectre", "triton"}


def environment(tmp_path, **more):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(OWN)}
    return kept | {"XDG_CACHE_HOME": str(tmp_path / "cache")} | more


def call(command, env, **options):
    return subprocess.run(
        [str(word) for word in command],
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        **options,
    )


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def packages():
    listed = call([CHECKOUT / "docker" / "install.sh", "list"], dict(os.environ)).stdout.split()
    assert len(listed) == len(set(listed)) > 20
    return set(listed)


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


# The list of what the environment holds.


def test_all_that_the_code_imports_is_in_the_list():
    own = {"mlms_fenics", "conftest"} | {path.stem for path in CHECKOUT.rglob("*.py")}
    names = set()
    for folder in ("mlms_fenics", "demos", "meshes", "tests"):
        for path in (CHECKOUT / folder).rglob("*.py"):
            names |= set(imported(path))
    foreign = names - own - ELSEWHERE - set(sys.stdlib_module_names)
    assert "numpy" in foreign
    assert {PACKAGE_OF.get(name, f"(no package for {name})") for name in foreign} <= packages()


def test_all_that_the_package_depends_on_is_in_the_list():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    requirements = [*project["dependencies"], *(one for extra in extras for one in extra)]
    names = {requirement.split(">")[0].split("<")[0] for requirement in requirements} - {"ruff"}
    assert {PACKAGE_OF[name.replace("-", "_")] for name in names} <= packages()
    assert "RUFF='ruff>=" in (CHECKOUT / "docker" / "install.sh").read_text()


def test_cuda_build_of_torch_replaces_debians():
    listed = call([CHECKOUT / "docker" / "install.sh", "list"], os.environ | {"TORCH": "cuda"})
    assert set(listed.stdout.split()) == packages() - {"python3-torch"}
    wrong = call([CHECKOUT / "docker" / "install.sh", "list"], os.environ | {"TORCH": "rocm"})
    assert wrong.returncode == 2
    assert "'rocm'" in wrong.stderr


# mpirun: ranks x threads <= cores.


@pytest.mark.parametrize(
    ("arguments", "threads"),
    [
        ("-n 2 python x.py", 4),
        ("-np 3 python x.py", 2),
        ("--np 8 python x.py", 1),
        ("-n 16 python x.py", 1),
        ("python x.py", 1),
        ("python x.py -n 2", 1),
        ("--map-by core -n 2 python x.py -n 8", 4),
        ("--mca btl self -x A=1 -n 2 python x.py", 4),
        ("-n 1 python x.py : -n 3 python y.py -n 4", 2),
    ],
)
def test_threads_of_a_rank(tmp_path, arguments, threads):
    fake = put(tmp_path / "mpirun", '#!/bin/sh\necho "$OMP_NUM_THREADS $NUMBA_NUM_THREADS|$*"\n')
    env = environment(tmp_path, MLMS_FENICS_MPIRUN=str(fake), MLMS_FENICS_CORES="8")
    command = [CHECKOUT / "docker" / "mpirun", *arguments.split()]
    assert call(command, env).stdout == f"{threads} {threads}|{arguments}\n"
    # The default of a single process gives way, what a user has set does not.
    default = {"OMP_NUM_THREADS": "8", "NUMBA_NUM_THREADS": "8", "MLMS_FENICS_THREADS": "8"}
    assert call(command, env | default).stdout == f"{threads} {threads}|{arguments}\n"
    assert call(command, env | {"OMP_NUM_THREADS": "5"}).stdout.startswith(f"5 {threads}|")


def test_mpirun_keeps_words_and_exit_code(tmp_path):
    fake = put(tmp_path / "mpirun", '#!/bin/sh\nprintf "<%s>" "$@"\nexit 7\n')
    env = environment(tmp_path, MLMS_FENICS_MPIRUN=str(fake))
    done = call([CHECKOUT / "docker" / "mpirun", "-n", "2", "a b", "", "*"], env)
    assert (done.stdout, done.returncode) == ("<-n><2><a b><><*>", 7)


@pytest.mark.parametrize("said", ["error: speed is -1", "Traceback: a defect"])
def test_a_programs_own_error_is_the_last_line(tmp_path, said):
    rule = "-" * 74
    account = f"""{rule}
prterun detected that one or more processes exited with non-zero status,
thus causing the job to be terminated. The first process to do so was:

   Exit code:    2
{rule}
"""
    other = f"{rule}\nA node is gone.\n{rule}\n"
    (tmp_path / "text").write_text(f"{other}{said}\n{account}")
    fake = put(tmp_path / "mpirun", f'#!/bin/sh\ncat "{tmp_path}/text" >&2\nexit 2\n')
    env = environment(tmp_path, MLMS_FENICS_MPIRUN=str(fake))
    done = call([CHECKOUT / "docker" / "mpirun", "-n", "2", "x"], env)
    expected = f"{other}{said}\n" + ("" if said.startswith("error: ") else account)
    assert (done.stderr, done.returncode) == (expected, 2)


# docker/run: the plan.


def plan(env, *command, **options):
    done = call([options.pop("run", RUN), "--plan", *command], env, **options)
    assert done.returncode == 0, done.stderr
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


def test_plan_from_another_folder_through_a_link(tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()
    link = tmp_path / "link"
    link.symlink_to(RUN)
    env = environment(tmp_path, MLMS_FENICS_ENGINE="bwrap")
    found = plan(env, "python", "my file.py", run=link, cwd=folder)
    assert found["folder"] == str(folder)
    assert found["python path"] == str(CHECKOUT)
    assert found["command"] == r"python my\ file.py"
    assert found["root"].startswith(str(tmp_path / "cache" / "mlms_fenics"))
    assert found["root"].endswith("(to be built)")
    assert found["threads"] == found["cores"] == str(len(os.sched_getaffinity(0)))
    assert plan(env | {"OMP_NUM_THREADS": "1"}, "true")["threads"] == "1"
    other = plan(env | {"MLMS_FENICS_TORCH": "cuda"}, "true")
    assert other["root"] != found["root"]
    newer = plan(env | {"MLMS_FENICS_SUITE": "sid"}, "true")
    assert newer["root"].endswith("-sid/root (to be built)")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("arguments", "variables", "status", "said"),
    [
        ([], {}, 2, "usage: docker/run"),
        (["--shell"], {}, 125, "unknown option --shell"),
        (["--build", "pytest"], {}, 125, "--build takes no command"),
        (["true"], {"MLMS_FENICS_ENGINE": "lxc"}, 125, "docker, podman or bwrap, not 'lxc'"),
        (["true"], {"MLMS_FENICS_TORCH": "rocm"}, 125, "debian or cuda, not 'rocm'"),
        (["true"], {"MLMS_FENICS_SUITE": "buster"}, 125, "trixie or sid, not 'buster'"),
        (["true"], {"XDG_CACHE_HOME": "here"}, 125, "full path"),
        (
            ["true"],
            {"MLMS_FENICS_ENGINE": "bwrap", "XDG_CACHE_HOME": "/proc/x"},
            125,
            "cannot write in /proc/x/mlms_fenics",
        ),
    ],
)
def test_bad_input_is_one_clear_message(tmp_path, arguments, variables, status, said):
    done = call([RUN, *arguments], environment(tmp_path, **variables))
    assert done.returncode == status
    assert said in done.stderr
    if status == 125:
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith("docker/run: ")


# docker/run: engines.

FAKE_ENGINE = """#!/bin/sh
case "$1 $2" in
version*|info*) exit {answer} ;;
image*) exit 0 ;;
run*) shift; printf '%s\\n' "$@"; exit 7 ;;
esac
"""


def with_engines(tmp_path, **answers):
    for name, answer in answers.items():
        put(tmp_path / "bin" / name, FAKE_ENGINE.format(answer=answer))
    return environment(tmp_path, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")


def test_engine_is_one_that_answers(tmp_path):
    assert plan(with_engines(tmp_path, docker=1, podman=1), "true")["engine"] == "bwrap"
    assert plan(with_engines(tmp_path, docker=1, podman=0), "true")["engine"] == "podman"
    env = with_engines(tmp_path, docker=0, podman=0)
    assert plan(env, "true")["engine"] == "docker"
    assert plan(env | {"MLMS_FENICS_ENGINE": "bwrap"}, "true")["engine"] == "bwrap"


def test_container_gets_folders_variables_and_words(tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()
    env = with_engines(tmp_path, docker=0) | {"LD_PRELOAD": "", "MY_SETTING": "1"}
    done = call([RUN, "python", "a b.py", ""], env, cwd=folder)
    words = done.stdout.split("\n")[:-1]
    assert done.returncode == 7
    assert words[-3:] == ["python", "a b.py", ""]
    assert words[-4].startswith("mlms_fenics:")
    options = list(itertools.pairwise(words))
    assert ("--workdir", str(folder)) in options
    assert ("--user", f"{os.getuid()}:{os.getgid()}") in options
    for path in (CHECKOUT, folder, tmp_path / "cache" / "mlms_fenics", "/tmp"):
        assert ("--volume", f"{path}:{path}") in options
    for name in ("MY_SETTING", "PYTHONPATH", "OMP_NUM_THREADS", "NUMBA_CACHE_DIR"):
        assert ("--env", name) in options
    assert ("--env", "LD_PRELOAD") not in options


# docker/run: entering a root.

# As bwrap has it: a watcher, the namespace's first process, the command.
FAKE_BWRAP = """#!/bin/bash
printf '%s\\n' "$@" >"$BWRAP_LOG"
while [[ $1 != -- ]]; do shift; done
shift
bash -c '"$@" & wait $!' first "$@" &
wait $!
"""


def with_root(tmp_path):
    put(tmp_path / "bin" / "bwrap", FAKE_BWRAP)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    log = str(tmp_path / "log")
    env = environment(tmp_path, MLMS_FENICS_ENGINE="bwrap", PATH=path, BWRAP_LOG=log)
    root = plan(env, "true")["root"].removesuffix(" (to be built)")
    (Path(root) / "usr" / "lib" / "python3").mkdir(parents=True)
    return env


def test_command_in_a_root_sees_the_folders_and_gives_its_exit_code(tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()
    env = with_root(tmp_path) | {"PIP_FIND_LINKS": f"{folder} /usr/lib", "CFLAGS": "-O9"}
    script = 'printf "%s|" "$PYTHONPATH" "$OMP_NUM_THREADS" "${CFLAGS-none}" "$@"; exit 7'
    env["OMP_NUM_THREADS"] = "3"
    done = call([RUN, "sh", "-c", script, "sh", "a b", "*"], env, cwd=folder)
    assert (done.stdout, done.returncode) == (f"{CHECKOUT}|3|none|a b|*|", 7), done.stderr
    words = (tmp_path / "log").read_text().split("\n")
    binds = set(zip(words, words[1:], words[2:], strict=False))
    for path in (CHECKOUT, folder, tmp_path / "cache" / "mlms_fenics"):
        assert ("--bind", str(path), str(path)) in binds
    # What pip is told to look at is there, but not where the system's own folders are.
    assert ("--ro-bind", str(tmp_path / "a"), str(tmp_path / "a")) not in binds
    assert "/usr/lib" not in words
    chdir = words.index("--chdir")
    assert words[chdir + 1 : chdir + 3] == [str(folder), "--"]
    assert words.index("--remount-ro") > max(i for i, word in enumerate(words) if word == "--bind")


SLEEPER = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(42))
signal.signal(signal.SIGUSR1, lambda *_: sys.exit(43))
print("ready", flush=True)
time.sleep(20)
"""


@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGTERM, 42), (signal.SIGUSR1, 43), (signal.SIGHUP, 129)]
)
def test_signal_reaches_the_command(tmp_path, sent, status):
    command = [str(RUN), sys.executable, "-c", SLEEPER]
    with subprocess.Popen(command, env=with_root(tmp_path), stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(sent)
        assert process.wait(timeout=20) == status


# docker/run: building a root, with the long parts replaced.

BUILD = r"""
set -uo pipefail
cd "$1" && cache=$2 key=k torch=debian suite=trixie checkout=$1 folder=$1 here=$1/docker
. docker/environment.sh
. docker/build_root.sh
. docker/enter_root.sh
say() { printf 'docker/run: %s\n' "$*" >&2; }
die() { say "$*"; exit 125; }
install_tools() { :; }
bwrap() { :; }
find_sources() { sources=(); }
make_packages() {
    echo start >>"$cache/starts"
    mkdir "$1/usr"
    echo "Setting up one"
    sleep "$seconds"
    [[ -z $fault ]] || { echo "E: $fault"; exit 1; }
    echo whole >"$1/usr/file"
}
make_settings() { :; }
try_root() { :; }
seconds=$3 fault=$4
eval "$5"
need_root
"""


def build(tmp_path, seconds, fault="", instead=""):
    return subprocess.Popen(
        ["bash", "-c", BUILD, "build", CHECKOUT, tmp_path, str(seconds), fault, instead],
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(path):
    for _ in range(500):
        if path.exists():
            return
        time.sleep(0.01)
    raise AssertionError(f"no {path}")


def left(tmp_path):
    return sorted(path.name for path in tmp_path.iterdir())


def test_two_builds_at_once_are_one(tmp_path):
    first = build(tmp_path, 0.5)
    wait_for(tmp_path / "starts")
    second = build(tmp_path, 0.5)
    said = [process.communicate(timeout=20)[1] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    assert "waiting for it" in said[1]
    assert (tmp_path / "starts").read_text() == "start\n"
    assert (tmp_path / "k" / "root" / "usr" / "file").read_text() == "whole\n"
    assert left(tmp_path) == ["k", "k.log", "lock", "starts"]


@pytest.mark.parametrize("deadly", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_interrupted_build_leaves_nothing_half_made(tmp_path, deadly):
    process = build(tmp_path, 0.6)
    wait_for(tmp_path / "starts")
    process.send_signal(deadly)
    process.communicate(timeout=20)
    assert process.returncode == (-deadly if deadly == signal.SIGKILL else 128 + deadly)
    assert not (tmp_path / "k").exists()
    process = build(tmp_path, 0)
    said = process.communicate(timeout=20)[1]
    assert process.returncode == 0, said
    assert (tmp_path / "k" / "root" / "usr" / "file").read_text() == "whole\n"
    assert left(tmp_path) == ["k", "k.log", "lock", "starts"]


def test_failed_build_says_why_and_keeps_its_log(tmp_path):
    process = build(tmp_path, 0, "the disk is full")
    said = process.communicate(timeout=20)[1]
    assert process.returncode == 125
    assert "the build has failed: E: the disk is full" in said
    assert f"log: {tmp_path / 'k.log'}" in said.splitlines()[-1]
    assert "Setting up one" in (tmp_path / "k.log").read_text()
    assert left(tmp_path) == ["k.log", "lock", "starts"]


HIDE = (
    'command() { case $2 in bwrap | mmdebstrap | %s) false ;; *) builtin command "$@" ;; esac; }\n'
)
OWN_TOOLS = "unset -f install_tools; . docker/build_root.sh; find_sources() { :; }\n"
NO_SUDO = "sudo() { false; }\n"


@pytest.mark.parametrize(
    ("instead", "said"),
    [
        (
            ". docker/build_root.sh; install_tools() { :; }; has_suite() { false; }",
            "no Debian mirror answers, so no network? (tried: ",
        ),
        ("df() { printf 'Avail\\n1048576\\n'; }", "has 1024 MB free, building needs"),
        ("bwrap() { echo 'No permissions' >&2; false; }", "bwrap cannot work here: No permissions"),
        (OWN_TOOLS + HIDE % "apt-get", "this machine has no apt: docker or podman is needed"),
        (
            OWN_TOOLS + HIDE % "none" + NO_SUDO + "apt-get() { echo 'E: no such package'; false; }",
            "apt cannot install bubblewrap mmdebstrap" if os.getuid() == 0 else "not root",
        ),
    ],
)
def test_what_is_lacking_is_said_in_one_line(tmp_path, instead, said):
    process = build(tmp_path, 0, instead=instead)
    lines = process.communicate(timeout=20)[1].splitlines()
    assert process.returncode == 125
    assert said in lines[-1]
    assert all(line.startswith("docker/run: ") for line in lines)
    assert len(lines) <= 2
    assert not (tmp_path / "k").exists()
    assert not list(tmp_path.glob(".part*"))
