"""One worker a GPU. There is none where these tests run: what counts them is made up."""

import json
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench import backends
from bench.catalogue import discover
from bench.cli.progress import _Quiet
from bench.errors import UsageError
from bench.execute import gpus as module
from bench.execute import local
from bench.execute.gpus import gpus
from bench.execute.machine import most_workers
from bench.execute.request import Request
from bench.plan import Flags

SUPPORT = Path(__file__).parents[1] / "support"


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[int], None]:
    """Make the machine one with so many GPUs, which every backend computes on."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.setattr(backends, "computes_on_gpu", lambda name: True)
    monkeypatch.setattr(module, "_DRIVER", tmp_path / "gpus")

    def count(number: int) -> None:
        for index in range(number):
            (tmp_path / "gpus" / f"0000:{index:02x}:00.0").mkdir(parents=True)

    return count


def nvml(count: Callable[[], int]) -> ModuleType:
    made: Any = ModuleType("pynvml")
    made.NVMLError = type("NVMLError", (Exception,), {})
    made.nvmlInit = made.nvmlShutdown = lambda: None
    made.nvmlDeviceGetCount = count
    return made


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, ["0", "1", "2", "3"]),
        ("2,0", ["2", "0"]),
        (" 1 , 3 ", ["1", "3"]),
        ("", []),
        ("-1", []),
        ("1,-1,2", ["1"]),
        ("0,4,1", ["0"]),
        ("GPU-8f3a,GPU-77", ["GPU-8f3a", "GPU-77"]),
    ],
)
def test_the_users_list_is_dealt_out_as_cuda_reads_it(
    driver: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, given: str | None, found: list[str]
) -> None:
    driver(4)
    if given is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert gpus("jax") == found


def test_without_a_driver_there_is_none_whatever_the_variable_says(
    driver: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert gpus("tensorflow") == []


def test_nvml_is_asked_where_it_is_installed(driver: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    driver(4)
    monkeypatch.setitem(sys.modules, "pynvml", nvml(lambda: 2))
    assert gpus("torch") == ["0", "1"]
    broken = nvml(lambda: 2)

    def fail() -> None:
        raise broken.NVMLError("Driver Not Loaded")

    broken.nvmlInit = fail  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pynvml", broken)
    assert gpus("torch") == []


def test_a_backend_built_for_cpus_alone_has_none(
    driver: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    driver(2)
    monkeypatch.setattr(backends, "computes_on_gpu", lambda name: name == "jax")
    assert (gpus("jax"), gpus("torch")) == (["0", "1"], [])


def test_what_is_installed_says_whether_a_backend_computes_on_a_gpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed: dict[str, ModuleSpec] = {"torch": ModuleSpec("torch", None, origin=str(tmp_path / "__init__.py"))}
    monkeypatch.setattr(backends, "find_spec", installed.get)
    monkeypatch.setattr(backends, "find_library", lambda name: None)
    names = ("tensorflow", "jax", "torch")
    assert [backends.computes_on_gpu(name) for name in names] == [False, False, False]
    for name in ("nvidia", "nvidia.cudnn", "jax_cuda12_plugin"):
        installed[name] = ModuleSpec(name, None)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libtorch_cuda.so").touch()
    assert [backends.computes_on_gpu(name) for name in names] == [True, True, True]


def request(folder: Path, workers: int | None = None, seeds: int = 4) -> Request:
    flags = Flags(tasks=["adding"], architectures=["rnn"], units=4, seeds=range(seeds), settings=["adding.length=10"])
    return Request(discover(), suite=None, flags=flags, out=folder, workers=workers)


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)


@pytest.mark.usefixtures("cores")
def test_there_is_a_worker_for_each_gpu_and_no_more(driver: Callable[[int], None], tmp_path: Path) -> None:
    assert request(tmp_path).workers == 8
    driver(2)
    assert request(tmp_path).workers == 2
    assert request(tmp_path, workers=1).workers == 1
    with pytest.raises(UsageError, match=r"--workers: expected at most 2 \(2 GPUs, one a worker; .*\), received 3"):
        request(tmp_path, workers=3)


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize(
    ("threads", "gpus", "most"), [(1, 0, 8), (3, 0, 2), (9, 0, 1), (1, 2, 2), (4, 4, 2), (9, 4, 1), (1, 9, 8)]
)
def test_cores_and_gpus_bound_the_workers_of_which_there_is_one_at_least(threads: int, gpus: int, most: int) -> None:
    assert most_workers(threads, [str(index) for index in range(gpus)]) == most


def test_more_gpus_than_cores_leave_some_of_them_idle(driver: Callable[[int], None], tmp_path: Path) -> None:
    few = request(tmp_path).workers
    driver(few + 4)
    assert request(tmp_path).workers == few


def test_each_worker_sees_its_gpu_alone(
    driver: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    driver(4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,1")
    asked = request(tmp_path / "run", workers=2 if request(tmp_path / "run").workers > 1 else 1)
    monkeypatch.setattr(local, "_WORKER", (sys.executable, str(SUPPORT / "fake_worker.py")))
    seen = "import json; print(json.dumps(os.environ['CUDA_VISIBLE_DEVICES']), file=sys.stderr)"
    monkeypatch.setenv("FAKE_START", seen)
    logs = tmp_path / "run" / "logs"
    # Every worker is to say what it sees before the last cell ends the run.
    written = f"sum(os.path.getsize(log) > 0 for log in os.scandir({str(logs)!r}))"
    monkeypatch.setenv("FAKE_TRAIN", f"while {written} < {asked.workers}: time.sleep(0.05)")
    asked.store.create()
    asked.run(_Quiet(), timeout=60)
    assert {record.status for record in asked.records} == {"ok"}
    told = {path.stem[-1]: json.loads(path.read_text()) for path in logs.glob("worker-*.log")}
    assert told == dict([("0", "3"), ("1", "1")][: asked.workers])
