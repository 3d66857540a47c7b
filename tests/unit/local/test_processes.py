import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.processes import ProgramFailed, await_ready, free_port, last_words, running


@contextmanager
def _program(text: str, *arguments: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    (folder / "program.py").write_text(text)
    with running("program", *arguments, log=folder / "logs/program.log", folder=folder) as process:
        yield process


def test_a_program_runs_as_python_runs_a_module(tmp_path: Path) -> None:
    text = 'import neighbour, sys; print(__name__, sys.argv[1:]); sys.stderr.write("and its errors\\n")'
    (tmp_path / "neighbour.py").touch()
    with _program(text, "--port", "1", folder=tmp_path) as process:
        assert process.wait(10) == 0
    assert (tmp_path / "logs/program.log").read_text() == "__main__ ['--port', '1']\nand its errors\n"


def test_it_sees_only_the_environment_that_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the owner's own")
    (tmp_path / "program.py").write_text("import os; print(sorted(set(os.environ) - {'LC_CTYPE'}))")
    log = tmp_path / "log"
    with running("program", log=log, folder=tmp_path, environment={"GATEWAY_PORT": "1"}) as process:
        assert process.wait(10) == 0
    assert log.read_text() == "['GATEWAY_PORT']\n"


def test_it_ends_with_the_context(tmp_path: Path) -> None:
    with _program("import time; time.sleep(60)", folder=tmp_path) as process:
        assert process.poll() is None
    assert process.returncode is not None


def test_it_ends_when_the_context_fails(tmp_path: Path) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        _program("import time; time.sleep(60)", folder=tmp_path) as process,
    ):
        _ = 1 / 0
    assert process.returncode is not None


def test_its_log_goes_on_where_an_earlier_one_ended(tmp_path: Path) -> None:
    for _ in range(2):
        with _program("print('hello')", folder=tmp_path) as process:
            process.wait(10)
    assert (tmp_path / "logs/program.log").read_text() == "hello\nhello\n"


def test_readiness_is_waited_for(tmp_path: Path) -> None:
    with _program("open('ready', 'w').close(); import time; time.sleep(60)", folder=tmp_path) as process:
        await_ready(process, (tmp_path / "ready").exists, log=tmp_path / "log", what="the program")
        assert (tmp_path / "ready").exists()


def test_who_ends_before_being_ready_is_quoted(tmp_path: Path) -> None:
    log = tmp_path / "logs/program.log"
    with (
        _program("import sys; print('no such table'); sys.exit(3)", folder=tmp_path) as process,
        pytest.raises(ProgramFailed) as failed,
    ):
        await_ready(process, lambda: False, log=log, what="the program")
    assert str(failed.value) == "the program ended with status 3:\n  no such table"


def test_who_is_never_ready_is_quoted(tmp_path: Path) -> None:
    log = tmp_path / "logs/program.log"
    text = "import time; print('thinking', flush=True); open('thinks', 'w').close(); time.sleep(60)"
    with _program(text, folder=tmp_path) as process:
        await_ready(process, (tmp_path / "thinks").exists, log=log, what="the program")
        with pytest.raises(ProgramFailed, match="the program is not ready after 0 s:\n  thinking"):
            await_ready(process, lambda: False, log=log, what="the program", patience=0.0)


def test_last_words_are_the_end_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"one\ntwo\nth\xffree\n")
    assert last_words(log, lines=2) == "  two\n  th\N{REPLACEMENT CHARACTER}ree"


@pytest.mark.parametrize("content", [None, ""])
def test_who_said_nothing_has_no_last_words(tmp_path: Path, content: str | None) -> None:
    log = tmp_path / "log"
    if content is not None:
        log.write_text(content)
    assert last_words(log) == "  (it said nothing)"


def test_a_free_port_can_be_listened_on() -> None:
    port = free_port()
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))
        server.listen()


def test_a_port_in_use_is_not_free() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        assert server.getsockname()[1] not in {free_port() for _ in range(20)}
