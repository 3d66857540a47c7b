"""The real package, built once: what the tests look at is what AWS would get."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from deploy.package import ARCHITECTURES, Package, build, machine_architecture

Properties = dict[str, Any]


@pytest.fixture(scope="session")
def package() -> Package:
    """For this machine, so that it can run here; the end-to-end tests deploy the same one."""
    return build(architecture=machine_architecture())


@pytest.fixture(scope="session", params=ARCHITECTURES)
def any_package(request: pytest.FixtureRequest) -> Package:
    """For each architecture in turn."""
    return build(architecture=request.param)


@pytest.fixture(scope="session")
def unpacked(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive as Lambda lays it out in /var/task."""
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(package.archive) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def template(package: Package) -> Properties:
    read: Properties = json.loads(package.template.read_text())
    return read


@pytest.fixture(scope="session")
def resources(template: Properties) -> dict[str, Properties]:
    """Every resource, whole, by its logical id."""
    found: dict[str, Properties] = template["Resources"]
    return found


@pytest.fixture(scope="session")
def functions(resources: dict[str, Properties]) -> dict[str, Properties]:
    """The properties of each function, by its logical id."""
    return {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process for all that look at the package, so that it is built once."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xdist_group("package"))
