"""The command line as a shell sees it: output, errors in one line, exit status."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bot.labels import LABELS

ROOT = Path(__file__).parent.parent


def hexward(
    *arguments: str, stdin: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        input=stdin,
        capture_output=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "160", **environment},
        check=False,
    )


def lines(output: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.splitlines()]


def test_json_lines_come_back_in_order_and_bad_ones_do_not_stop_the_rest(tiny_model: Path) -> None:
    stdin = (
        "\n".join(
            [
                '{"id": 1, "text": "hello"}',
                "not json",
                '{"id": "b", "text": "you idiot"}',
                '{"id": 3}',
                '{"text": "no id"}',
                '["a list"]',
                '{"id": null, "text": ""}',
                '{"id": NaN, "text": "x"}',
                '{"id": 1' + "1" * 5_000 + ', "text": "x"}',
            ]
        ).encode()
        + b'\n{"id": 10, "text": "\xff"}\n'
    )
    done = hexward("check", "--jsonl", stdin=stdin, MODEL=str(tiny_model))
    answers = lines(done.stdout)
    assert done.returncode == 1
    assert [answer.get("id", answer.get("line")) for answer in answers] == [
        *(1, 2, "b", 4, 5, 6, None, 8, 9, 10)
    ]
    assert answers[0]["flagged"] == []
    assert answers[2]["flagged"] == ["toxic", "insult"]
    assert list(answers[2]["scores"]) == list(LABELS)
    assert answers[2]["preset"] == "balanced"
    assert answers[2]["model"] == "tiny-1"
    bad = [number for number, answer in enumerate(answers, start=1) if "error" in answer]
    assert bad == [2, 4, 5, 6, 8, 9, 10]
    assert answers[1]["error"] == answers[9]["error"] == "not a line of JSON in UTF-8"
    number = "NaN, Infinity or a number too large to be read"
    assert answers[7]["error"] == answers[8]["error"] == number


def test_thousands_of_lines_stream_through(tiny_model: Path) -> None:
    stdin = b"".join(b'{"id": %d, "text": "hello %d"}\n' % (n, n) for n in range(3_000))
    done = hexward("check", "--jsonl", stdin=stdin, MODEL=str(tiny_model), QUEUE_MESSAGES="50")
    assert done.returncode == 0, done.stderr
    assert [answer["id"] for answer in lines(done.stdout)] == list(range(3_000))


def test_blank_lines_are_skipped_and_counted(tiny_model: Path) -> None:
    stdin = b'\n{"id": 1, "text": "hello"}\n  \r\noh\n\n'
    done = hexward("check", "--jsonl", stdin=stdin, MODEL=str(tiny_model))
    assert [answer.get("id", answer.get("line")) for answer in lines(done.stdout)] == [1, 4]


def test_characters_that_a_terminal_does_not_know_are_replaced(tiny_model: Path) -> None:
    done = hexward("check", "you idiot \u4f60", MODEL=str(tiny_model), PYTHONIOENCODING="latin-1")
    assert (done.returncode, done.stderr) == (0, b"")
    assert "you idiot ?" in done.stdout.decode("latin-1")


def test_an_answer_comes_before_the_input_ends(tiny_model: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "check", "--jsonl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MODEL": str(tiny_model)},
    )
    with process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b'{"id": 1, "text": "hello"}\n')
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 1
        process.stdin.close()
    assert process.returncode == 0


def test_texts_become_a_table(tiny_model: Path) -> None:
    long = f"first {'hello ' * 1_000}fuck {'hello ' * 1_000}last"
    texts = ("hello", "[bold]you idiot", "a\x1b[2Jb\u202ec", long)
    arguments = ("check", "--preset", "strict", "--", *texts, "", "-lol")
    done = hexward(*arguments, MODEL=str(tiny_model))
    output = done.stdout.decode()
    assert done.returncode == 0
    assert "[bold]you idiot" in output
    assert "[empty]" in output
    assert "-lol" in output
    assert output.count("⚑ 0.97") == 4
    assert output.count("hello") < 60
    assert "first hello" in output
    assert "hello last" in " ".join(output.split())
    assert f"{len(long) - 300:,} of {len(long):,} characters are not" in " ".join(output.split())
    assert "strict" in output
    assert r"a\x1b[2Jb\u202ec" in output.replace("\n", "")
    assert "\x1b" not in output


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "said"),
    [
        (["check"], {}, 2, "either texts or --jsonl"),
        (["check", "x", "--preset", "paranoid"], {}, 2, "'relaxed', 'balanced', 'strict'"),
        (["check", "x"], {"MODEL": "/nowhere/model"}, 2, "/nowhere/model"),
        (["run"], {"LOG_LEVEL": "loud"}, 2, "LOG_LEVEL"),
        (["run"], {"MODEL_THREADS": "none"}, 2, "MODEL_THREADS"),
        (["run"], {"DATABASE_URL": "mysql://x/y"}, 2, "mysql"),
        (["run"], {"SANDBOX_PORT": "7", "METRICS_PORT": "7"}, 2, "another port than METRICS_PORT"),
        (["db", "upgrade"], {"DATABASE_URL": "sqlite:////proc/nowhere/x.db"}, 2, "/proc/nowhere"),
    ],
)
def test_mistakes_are_one_line_with_a_status(
    arguments: list[str], environment: dict[str, str], status: int, said: str
) -> None:
    done = hexward(*arguments, **environment)
    errors = done.stderr.decode()
    assert done.returncode == status
    assert said in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("command", [["run"], ["check", "x"], ["db", "current"]])
def test_a_file_of_settings_that_cannot_be_read_stops_everything(
    command: list[str], tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text('LOG_LEVEL=INFO\nDISCORD_TOKEN "abc\n')
    done = hexward(*command)
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("hexward: .env, line 2 cannot be read")
    assert "abc" not in line


def test_a_misspelt_setting_is_told_at_the_start_and_by_the_doctor(
    tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("DISCORD_TOKN=x\n")
    asked = "did you mean DISCORD_TOKEN?"
    assert asked in hexward("check", "hello", MODEL=str(tiny_model)).stderr.decode()
    assert asked in hexward("doctor", "--offline", MODEL=str(tiny_model)).stdout.decode()


def test_the_database_is_migrated_and_shown(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'x.db'}"
    assert "not migrated yet" in hexward("db", "current", DATABASE_URL=url).stdout.decode()
    for _ in range(2):
        assert hexward("db", "upgrade", DATABASE_URL=url).returncode == 0
    assert "not migrated" not in hexward("db", "current", DATABASE_URL=url).stdout.decode()


def test_the_doctor_names_what_is_wrong_and_the_remedy(tiny_model: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    done = hexward("doctor", MODEL=str(tiny_model), DATABASE_URL=url)
    assert done.returncode == 0, done.stdout
    (tmp_path / ".env").write_text("TOKEN_OF_DISCORD=1\n")
    done = hexward("doctor", "--offline", MODEL="/nowhere", DATABASE_URL=url, DISCORD_TOKEN="short")
    output = done.stdout.decode()
    assert done.returncode == 1
    assert "TOKEN_OF_DISCORD" in output
    assert "does not look like a bot token" in output
    assert "/nowhere" in output
    assert output.count("→") >= 2
    assert "Traceback" not in output + done.stderr.decode()


def test_the_doctor_refuses_the_databases_that_the_bot_refuses(
    tiny_model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name)")
    settings = {"MODEL": str(tiny_model), "DATABASE_URL": f"sqlite:///{path}"}
    done = hexward("doctor", "--offline", **settings)
    assert done.returncode == 1
    assert "not Hexward's (recipes). Name another one in DATABASE_URL." in done.stdout.decode()
    path.unlink()
    assert hexward("db", "upgrade", **settings).returncode == 0
    content = path.read_bytes()
    path.write_bytes(content[:8192] + b"\xaa" * (len(content) - 8192))
    done = hexward("doctor", "--offline", **settings)
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.decode().splitlines() if "x.db" in line]
    assert line.endswith("is damaged. Restore a backup, or name another file in DATABASE_URL.")


def test_the_doctor_sees_a_folder_that_cannot_be_written(tiny_model: Path) -> None:
    done = hexward(
        "doctor", "--offline", MODEL=str(tiny_model), DATABASE_URL="sqlite:////proc/x.db"
    )
    assert done.returncode == 1
    assert "/proc cannot be written" in done.stdout.decode()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux's device that is always full")
def test_a_full_disk_is_one_line(tiny_model: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m bot check --jsonl > /dev/full",
        shell=True,
        input=b'{"id": 1, "text": "hello"}',
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MODEL": str(tiny_model)},
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        "hexward: No space left on device: make room, and start again"
    ]
