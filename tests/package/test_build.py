"""Building: the same sources make the same bytes, and what is missing stops it."""

import shutil
import zipfile
from pathlib import Path

import pytest
from packaging.tags import sys_tags

from deploy.package import ARCHITECTURES, SOURCES, Package, PackagingFailed, build, machine_architecture


def _check_out(root: Path, *, source: Path) -> Path:
    """A second checkout, in another folder, with other times."""
    for name in SOURCES:
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.copytree(source / name, target, copy_function=shutil.copyfile)
        else:
            shutil.copyfile(source / name, target)
    return root


@pytest.fixture
def checkout(tmp_path: Path, pytestconfig: pytest.Config) -> Path:
    return _check_out(tmp_path / "elsewhere", source=pytestconfig.rootpath)


@pytest.fixture(scope="module")
def second(
    package: Package, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> tuple[Path, Package]:
    """Another checkout, and the same package built there."""
    root = _check_out(tmp_path_factory.mktemp("second") / "elsewhere", source=pytestconfig.rootpath)
    return root, build(architecture=package.architecture, root=root, say=lambda _: None)


def _wheel(name: str, *, tag: str, folder: Path) -> None:
    """Write a wheel with nothing but its metadata."""
    about = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-{tag}.whl", "w") as wheel:
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{about}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n")
        wheel.writestr(f"{about}/RECORD", "")


def test_a_second_checkout_makes_the_same_bytes(package: Package, second: tuple[Path, Package]) -> None:
    _, again = second
    assert again.template.read_bytes() == package.template.read_bytes()
    assert again.archive.read_bytes() == package.archive.read_bytes()


def test_building_leaves_no_scaffolding(second: tuple[Path, Package]) -> None:
    _, made = second
    assert {path.name for path in made.archive.parent.iterdir()} == {
        "deployment.zip", "template.json", "fingerprint", "lock",
    }  # fmt: skip


def test_building_again_does_nothing(second: tuple[Path, Package]) -> None:
    root, made = second
    before = made.archive.stat()
    said: list[str] = []
    assert build(architecture=made.architecture, root=root, say=said.append) == made
    assert len(said) == 1
    assert said[0].startswith("Package is up to date")
    assert made.archive.stat().st_mtime_ns == before.st_mtime_ns


def test_a_dependency_without_a_wheel_for_lambda_stops_the_build(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (other,) = set(ARCHITECTURES) - {machine_architecture()}
    _wheel("only_for_here", tag=str(next(iter(sys_tags()))), folder=tmp_path)
    (checkout / "requirements.txt").write_text("only-for-here==1.0\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(
        PackagingFailed, match=rf"no wheel for python3\.\d+ on {other}: only-for-here==1\.0\."
    ):
        build(architecture=other, root=checkout, say=lambda _: None)
    assert not (checkout / "build" / other / "deployment.zip").exists()


def test_a_requirement_that_nobody_offers_stops_the_build(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "requirements.txt").write_text("offered-by-nobody==1.0\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(PackagingFailed, match="Could not satisfy the requirement: offered-by-nobody"):
        build(architecture=machine_architecture(), root=checkout, say=lambda _: None)
