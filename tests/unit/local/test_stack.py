import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.package import Package
from local import stack as stacking
from local.aws import Credentials, EmbeddedAws
from local.processes import ProgramFailed
from local.stack import LocalStack


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stacking, "HOMES", tmp_path / ".local")
    return tmp_path / ".local"


@pytest.fixture
def ended() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        return process.pid


def test_only_functions_that_exist_have_logs(tmp_path: Path) -> None:
    aws = EmbeddedAws(endpoint="", root=Credentials(access_key="", secret_key=""), log=tmp_path)
    package = Package(template=tmp_path, archive=tmp_path, architecture="arm64")
    with pytest.raises(KeyError, match="janitor"):
        LocalStack(api_url="", outputs={}, aws=aws, package=package).logs("janitor")


def test_each_start_has_a_folder_of_its_own_that_goes_at_the_end(homes: Path) -> None:
    with stacking._home("e2e") as home:  # noqa: SLF001  # where everything is written
        assert home == homes / f"e2e-{os.getpid()}"
        (home / "aws.log").write_text("hello\n")
    assert not home.exists()


def test_the_logs_of_a_start_that_failed_stay(homes: Path) -> None:
    with pytest.raises(ProgramFailed), stacking._home("e2e") as home:  # noqa: SLF001  # as above
        _fail_in(home)
    assert (home / "aws.log").read_text() == "no such table\n"


def _fail_in(home: Path) -> None:
    (home / "aws.log").write_text("no such table\n")
    raise ProgramFailed("it ended")


def test_what_ended_starts_left_is_swept_and_what_runs_is_left_alone(homes: Path, ended: int) -> None:
    over, running, foreign = homes / f"demo-{ended}", homes / f"demo-{os.getppid()}", homes / "my-notes"
    for home in (over, running, foreign):
        home.mkdir(parents=True)
    with stacking._home("e2e"):  # noqa: SLF001  # as above
        assert not over.exists()
        assert running.exists()
        assert foreign.exists()
