"""The catalogue: built-ins by listing, entry points, plug-ins; what is broken costs itself alone."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import bench.architectures
import tasks
from bench.catalogue import discover
from bench.errors import PluginError, UsageError

Plugin = Callable[..., Path]


def test_every_public_file_of_the_folders_is_in_the_catalogue() -> None:
    catalogue = discover()
    assert catalogue.broken == {}
    for package, found in ((tasks, catalogue.tasks), (bench.architectures, catalogue.architectures)):
        files = {path for path in Path(package.__path__[0]).glob("*.py") if not path.name.startswith("_")}
        assert files == {entry.file for entry in found.values()}
        assert not any(entry.plugin for entry in found.values())


def test_a_file_gives_its_name_with_hyphens() -> None:
    assert "fashion-mnist" in discover().tasks
    assert discover().task("temporal-order").file.name == "temporal_order.py"


def test_a_definition_depends_on_its_file_and_the_private_helpers_beside_it() -> None:
    sources = {path.name for path in discover().task("adding").sources}
    assert {"adding.py", "_long_range.py"} <= sources
    assert not {"copy.py", "__init__.py"} & sources


@pytest.mark.parametrize(
    ("declared", "found_tasks", "found_architectures"),
    [
        ("TASK = task()", ["my-own"], []),
        ("ARCHITECTURE = architecture()", [], ["my-own"]),
        ("TASKS = {'a1': task(), 'b-2': task()}", ["a1", "b-2"], []),
        ("ARCHITECTURES = {'a1': architecture(), 'b-2': architecture()}", [], ["a1", "b-2"]),
        ("TASK = task()\nARCHITECTURES = {'other': architecture()}", ["my-own"], ["other"]),
        ("TASKS = {}", [], []),
    ],
)
def test_a_plug_in_declares_tasks_and_architectures(
    plugin: Plugin, declared: str, found_tasks: list[str], found_architectures: list[str]
) -> None:
    path = plugin("my_own.py", declared)
    known = discover()
    catalogue = discover([path])
    assert catalogue.broken == {}
    assert sorted(catalogue.tasks.keys() - known.tasks.keys()) == found_tasks
    assert sorted(catalogue.architectures.keys() - known.architectures.keys()) == found_architectures
    for name in found_tasks:
        assert (catalogue.task(name).file, catalogue.task(name).plugin) == (path, True)
        assert catalogue.task(name).sources == [path]


BROKEN = {
    "a syntax error": ("def f(:\n", "{file}:{line}: SyntaxError: invalid syntax"),
    "an exception": ("1 / 0", "{file}:{line}: ZeroDivisionError: division by zero"),
    "a missing import": ("import no_such_module_xyz", "{file}:{line}: ModuleNotFoundError: No module named"),
    "sys.exit": ("import sys; sys.exit(3)", "{file}:{line}: SystemExit: 3"),
    "an error of many lines": ("raise ValueError('first\\nsecond')", "{file}:{line}: ValueError: first"),
    "an error without words": ("raise ValueError", "{file}:{line}: ValueError: no message"),
    "endless recursion": ("def f(): f()\nf()", "{file}:{line}: RecursionError: maximum recursion depth"),
    "a task that cannot be": (
        "import dataclasses\nTASK = dataclasses.replace(task(), draw=None)",
        "exactly one of draw",
    ),
    "nothing declared": (
        "x = 1",
        "{file}:1: nothing declared; expected one of TASK, TASKS, ARCHITECTURE, ARCHITECTURES",
    ),
    "a wrong type": ("TASK = 3", "{file}: mine is a int; expected a Task or an Architecture"),
    "None": ("ARCHITECTURE = None", "{file}: mine is a NoneType; expected"),
    "a class for an instance": ("TASK = Task", "{file}: mine is a type; expected"),
    "a list of tasks": ("TASKS = [task()]", "{file}: TASKS: expected a dict of names to definitions"),
    "a number for a name": ("TASKS = {1: task()}", "{file}: 1 is no name"),
    "a blank in a name": ("TASKS = {'a b': task()}", "{file}: 'a b' is no name: expected letters, digits, - and _"),
    "a dot in a name": ("TASKS = {'a.b': task()}", "{file}: 'a.b' is no name"),
    "a comma in a name": ("TASKS = {'a,b': task()}", "{file}: 'a,b' is no name"),
    "an empty name": ("TASKS = {'': task()}", "{file}: '' is no name"),
    "a path for a name": ("TASKS = {'../x': task()}", "{file}: '../x' is no name"),
    "a line break in a name": ("TASKS = {'a\\n': task()}", "{file}: 'a\\n' is no name"),
    "other letters in a name": ("TASKS = {'été': task()}", "{file}: 'été' is no name"),
    "an endless name": ("TASKS = {65 * 'a': task()}", "is no name"),
    "the name of a built-in task": ("TASKS = {'adding': task()}", "{file}: the name 'adding' is taken; rename it"),
    "the name of a built-in arm": ("TASKS = {'lstm': task()}", "{file}: the name 'lstm' is taken; rename it"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plug_in_is_one_line_and_the_others_still_load(plugin: Plugin, case: str) -> None:
    declared, message = BROKEN[case]
    path = plugin("mine.py", declared)
    catalogue = discover([path, plugin("good.py", "TASK = task()")])
    assert len(catalogue.broken) == 1
    lines = path.read_text(encoding="utf-8").splitlines()
    at = 1 + next(number for number, line in enumerate(lines) if line == declared.splitlines()[0])
    (error,) = catalogue.broken.values()
    text = str(error)
    assert isinstance(error, PluginError)
    assert message.format(file=path, line=at) in text
    assert len(text.splitlines()) == 1
    assert "good" in catalogue.tasks
    assert catalogue.task("adding").plugin is False


def test_a_plug_in_named_like_a_built_in_leaves_the_built_in_alone(plugin: Plugin) -> None:
    catalogue = discover([plugin("adding.py", "TASK = task()")])
    assert "is taken; rename it" in str(catalogue.broken["adding"])
    assert catalogue.task("adding").file.parent.name == "tasks"


def test_of_two_plug_ins_with_one_name_the_first_stays(plugin: Plugin) -> None:
    first, second = (plugin("mine.py", "TASK = task()", folder=folder) for folder in ("one", "two"))
    catalogue = discover([first, second])
    assert catalogue.task("mine").file == first
    assert str(catalogue.broken["mine"]) == f"{second}: the name 'mine' is taken; rename it"


def test_a_plug_in_that_is_not_python_is_said(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("TASK = 1")
    assert str(discover([path]).broken["mine"]) == f"{path}:1: not a Python file; expected a name that ends in .py"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"x = '\x00'", b"\x80"])
def test_a_plug_in_of_bytes_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(content)
    text = str(discover([path]).broken["mine"])
    assert str(path) in text or "SyntaxError" in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("name", ["missing.py", ".", "", "a\nb.py"])
def test_a_plug_in_that_is_no_file_is_a_usage_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no such file; expected a Python file with a TASK or an ARCHITECTURE"):
        discover([tmp_path / name])


def test_a_plug_in_may_import_nothing_private_and_still_use_dataclasses(plugin: Plugin) -> None:
    path = plugin("typed.py", "import dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int = 1\nTASK = task()")
    assert discover([path]).broken == {}


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plugin: Plugin) -> Callable[[str], None]:
    """`install(entry_points)` puts a package with the module `fake_points` on the path."""
    site = tmp_path / "site"

    def write(entry_points: str) -> None:
        info = site / "fake_points-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-points\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entry_points)
        plugin("fake_points.py", "TASK = task()\nARM = architecture()\nNUMBER = 3", folder="site")
        (site / "fake_broken.py").write_text("x = 1\nraise OSError('no licence')\n")
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, "fake_points", raising=False)

    return write


def test_installed_packages_add_tasks_and_architectures(install: Callable[[str], None]) -> None:
    install("[archbench.tasks]\nfrom-afar = fake_points:TASK\n[archbench.architectures]\narm-afar = fake_points:ARM\n")
    catalogue = discover()
    assert catalogue.broken == {}
    assert catalogue.task("from-afar").value.summary == "sum of a sequence"
    assert catalogue.task("from-afar").file.name == "fake_points.py"
    assert catalogue.architecture("arm-afar").plugin is False


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ("far = fake_broken:TASK", "fake_broken.py:2: OSError: no licence"),
        ("far = fake_points:NOTHING", "AttributeError: module 'fake_points' has no attribute 'NOTHING'"),
        ("far = no_such_module_xyz:TASK", "ModuleNotFoundError: No module named 'no_such_module_xyz'"),
        ("far = fake_points:NUMBER", "far is a int; expected a Task or an Architecture"),
        ("a b = fake_points:TASK", "'a b' is no name"),
    ],
)
def test_a_broken_entry_point_is_one_line_and_the_others_still_load(
    install: Callable[[str], None], point: str, message: str
) -> None:
    install(f"[archbench.tasks]\n{point}\nwell = fake_points:TASK\n")
    catalogue = discover()
    (error,) = catalogue.broken.values()
    assert message in str(error)
    assert len(str(error).splitlines()) == 1
    assert "well" in catalogue.tasks


def test_an_entry_point_named_like_a_built_in_does_not_take_the_built_in_away(install: Callable[[str], None]) -> None:
    install("[archbench.tasks]\nadding = fake_points:TASK\n")
    catalogue = discover()
    assert catalogue.task("adding").file.name == "adding.py"
    assert "adding" not in catalogue.broken
    (error,) = catalogue.broken.values()
    assert "the name 'adding' is taken" in str(error)


@pytest.mark.parametrize(("kind", "name", "near"), [("task", "addin", "adding"), ("architecture", "lsmt", "lstm")])
def test_an_unknown_name_is_answered_with_the_nearest(kind: str, name: str, near: str) -> None:
    with pytest.raises(UsageError, match=rf"unknown {kind} '{name}'; did you mean .*{near}"):
        getattr(discover(), kind)(name)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("settings={'units': 32}", "AttributeError"),
        ("refuses=lambda spec: 1 / 0", "ZeroDivisionError"),
        ("refuses=lambda spec: False", "refuses(): expected a text or None, received bool"),
    ],
)
def test_an_architecture_that_a_plan_could_not_call_is_broken(plugin: Plugin, declared: str, message: str) -> None:
    text = "import dataclasses\nfrom bench.architectures.mlp import ARCHITECTURE as mlp\n"
    path = plugin("mine.py", text + f"ARCHITECTURE = dataclasses.replace(mlp, {declared})")
    catalogue = discover([path])
    assert message in str(catalogue.broken["mine"])
    assert str(path) in str(catalogue.broken["mine"])


def test_one_broken_definition_of_a_file_is_known_by_its_own_name(plugin: Plugin) -> None:
    path = plugin(
        "mine.py", "import dataclasses\nTASKS = {'good': task(), 'bad': dataclasses.replace(task(), spec=None)}"
    )
    catalogue = discover([path])
    assert "good" in catalogue.tasks
    assert list(catalogue.broken) == ["bad"]
