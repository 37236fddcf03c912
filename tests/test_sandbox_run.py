"""``python -m bot run`` without a token, as a newcomer starts it."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).parent.parent


def environment(tiny_model: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "MODEL": str(tiny_model)}


def test_without_input_the_script_is_played_and_the_status_is_0(
    tiny_model: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "run"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        # a real server's database, which is left alone
        env=environment(tiny_model) | {"DATABASE_URL": f"sqlite:///{tmp_path}/real.db"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "real.db").exists()
    assert "http://127.0.0.1:" in done.stdout
    assert "FLAGGED" in done.stdout
    assert "passed" in done.stdout
    assert "not screened" not in done.stdout
    assert "The input has ended" in done.stdout
    assert "Traceback" not in done.stderr
    with closing(sqlite3.connect(tmp_path / "data" / "sandbox.db")) as database:
        decisions = database.execute("SELECT outcome FROM decisions").fetchall()
    assert decisions
    assert set(decisions) == {("alerted",)}
    assert len(decisions) == done.stdout.count("FLAGGED")


def test_a_typed_line_is_posted_and_decided_and_ctrl_c_ends_it_well(tiny_model: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "run"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**environment(tiny_model), "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write("you are an idiot, said nobody\n")
    process.stdin.flush()
    for line in process.stdout:
        if "said nobody" in line:
            break
    decision = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert "FLAGGED" in decision
    assert "insult 0.97≥0.70" in decision
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


def test_a_port_that_is_taken_is_named_before_anything_is_loaded(tiny_model: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "bot", "run"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            env={**environment(tiny_model), "SANDBOX_PORT": port},
            check=False,
        )
    assert done.returncode == 2
    assert "SANDBOX_PORT" in done.stderr
    assert port in done.stderr
    assert "is ready" not in done.stderr
    assert not Path("data").exists()
