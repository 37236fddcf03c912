"""What `push` sends, against a local stand-in of the hub."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import huggingface_hub
import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from hub import GOOD, READER, Hub, serving
from safetensors.numpy import save

from bot.labels import LABELS
from bot.screening.artifact import PRESET_NAMES, Calibration, Manifest, PresetRule, write
from bot.screening.normalize import NORMALIZER_VERSION
from training.__main__ import main
from training.recipes import load

# The hub's client hands files to its HTTP library in a way that the library no longer likes.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")

REPO = "someone/tiny"
PROSE = "# tiny-1\n\nMade in a test: déjà vu.\n"
BIAS = np.linspace(-1, 1, 6, dtype=np.float32)
WEIGHTS = {"bert.weight": np.ones((8, 8), dtype=np.float32), "classifier.bias": BIAS}
CHECKPOINT = {
    "config.json": b'{"model_type": "bert"}',
    "model.safetensors": save(WEIGHTS),
    "tokenizer.json": b'{"version": "1.0"}',
    "tokenizer_config.json": b"{}",
}
VOCABULARY = b'{"model": {}}'


def graph(bias: np.ndarray) -> bytes:
    """As much of an ONNX file as says which checkpoint it was made from."""
    bias = onnx.numpy_helper.from_array(bias, "model.classifier.bias")
    return onnx.helper.make_model(
        onnx.helper.make_graph([], "tiny", [], [], [bias])
    ).SerializeToString()


GRAPH = graph(BIAS)


@dataclass(frozen=True)
class Made:
    """The paths of a finished experiment."""

    config: Path
    run: Path
    model: Path

    def push(self, *words: str, repo: str = REPO, licence: str | None = "apache-2.0") -> Result:
        options = ["--config", self.config, "--run", self.run, "--model", self.model]
        if licence is not None:
            options += ["--license", licence]
        return CliRunner().invoke(main, ["push", "--repo", repo, *map(str, options), *words])

    def expected(self) -> dict[str, bytes]:
        """What the hub must hold, but for the card."""
        exported = ("manifest.json", "model.onnx", "tokenizer.json")
        return CHECKPOINT | {f"onnx/{name}": (self.model / name).read_bytes() for name in exported}


@pytest.fixture
def made(tmp_path: Path) -> Made:
    run, model = tmp_path / "run", tmp_path / "exported"
    for folder in (run / "model", run / "int8", model):
        folder.mkdir(parents=True)
    # what a trainer may leave beside the weights, and nobody should be sent
    for name, content in (CHECKPOINT | {"training_args.bin": b"pickle"}).items():
        (run / "model" / name).write_bytes(content)
    for folder in (run / "int8", model):
        (folder / "model.onnx").write_bytes(GRAPH)
        (folder / "tokenizer.json").write_bytes(VOCABULARY)
    (model / "README.md").write_text(PROSE)
    write_manifest(model, "tiny-1")
    config = tmp_path / "tiny.toml"
    config.write_text(
        'name = "tiny"\n[rows]\nfile = "train.csv"\n[base]\ncheckpoint = "org/base"\n'
        '[artifact]\nmodel_version = "tiny-1"\n'
    )
    (run / "experiment.json").write_text(load(config).model_dump_json())
    return Made(config, run, model)


def write_manifest(model: Path, version: str) -> None:
    rule = PresetRule(threshold=0.5)
    manifest = Manifest(
        model_version=version,
        base_model="org/base",
        labels=LABELS,
        max_tokens=32,
        normalizer_version=NORMALIZER_VERSION,
        precision="int8",
        calibration={label: Calibration() for label in LABELS},
        presets={name: dict.fromkeys(LABELS, rule) for name in PRESET_NAMES},
        metrics={"roc_auc": {"mean": 0.98}},
        files={"model.onnx": "", "tokenizer.json": ""},
    )
    write(model, manifest)


@pytest.fixture(scope="module")
def client() -> Iterator[None]:
    """The hub's client keeps one pool of connections, which reads the proxies when it is made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        huggingface_hub.close_session()
        yield
        huggingface_hub.close_session()


@pytest.fixture
def hub(client: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("HF_TOKEN", GOOD)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    with serving() as standing_in:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", standing_in.address)
        yield standing_in


def refused(result: Result) -> str:
    """The one sentence of a failure."""
    assert result.exit_code == 1, result.output
    lines = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, result.output
    assert result.output.rstrip().endswith(lines[0])
    assert "Traceback" not in result.output
    assert GOOD not in result.output
    assert READER not in result.output
    return lines[0]


def test_the_hub_gets_the_files_byte_for_byte_in_one_commit(made: Made, hub: Hub) -> None:
    result = made.push()
    assert result.exit_code == 0, result.output
    assert f"{hub.address}/{REPO}/commit/" in result.output
    assert GOOD not in result.output
    sent = hub.files(REPO)
    card = sent.pop("README.md").decode()
    assert sent == made.expected()
    assert card.startswith("---\n")
    assert card.endswith(f"---\n\n{PROSE}")
    kept = hub.repositories[REPO]
    assert kept.large == {"model.safetensors", "onnx/model.onnx"}
    assert len(kept.commits) == 1
    assert "tiny-1" in kept.commits[0]


@pytest.mark.timeout(180)
def test_the_environment_names_the_hub_and_the_token(made: Made) -> None:
    """In a process of its own: the client reads its settings when it is imported."""
    with serving() as hub:
        names = {"HF_ENDPOINT": hub.address, "HF_TOKEN": GOOD, "HF_HUB_DISABLE_XET": "1"}
        words = [sys.executable, "-m", "training", "push", "--repo", REPO, "--private"]
        words += ["--license", "mit", "--config", made.config, "--run", made.run]
        done = subprocess.run(
            [*words, "--model", made.model],
            env=os.environ | names | {"NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert hub.repositories[REPO].private
        assert set(hub.files(REPO)) == {"README.md", *made.expected()}


@pytest.mark.parametrize("private", [True, False])
def test_the_repository_is_as_private_as_asked(made: Made, hub: Hub, private: bool) -> None:
    result = made.push(*(["--private"] if private else []))
    assert result.exit_code == 0, result.output
    assert hub.repositories[REPO].private is private


def test_a_public_repository_is_not_taken_for_a_private_one(made: Made, hub: Hub) -> None:
    assert made.push().exit_code == 0
    (made.model / "README.md").write_text("# secret\n")
    assert "is public" in refused(made.push("--private"))
    assert len(hub.repositories[REPO].commits) == 1


def test_a_second_push_sends_only_what_changed(made: Made, hub: Hub) -> None:
    assert made.push().exit_code == 0
    assert made.push().exit_code == 0
    assert len(hub.repositories[REPO].commits) == 1
    (made.model / "README.md").write_text("# tiny-1, better told\n")
    hub.requests.clear()
    assert made.push().exit_code == 0
    assert len(hub.repositories[REPO].commits) == 2
    assert hub.files(REPO)["README.md"].endswith(b"better told\n")
    assert hub.files(REPO)["model.safetensors"] == CHECKPOINT["model.safetensors"]
    assert not [one for one in hub.requests if one.startswith("PUT")]


def test_a_branch_is_made_and_main_stays(made: Made, hub: Hub) -> None:
    assert made.push("--revision", "next").exit_code == 0
    assert hub.files(REPO) == {}
    assert set(hub.files(REPO, "next")) == {"README.md", *made.expected()}
    assert made.push("--revision", "next").exit_code == 0


def test_a_dry_run_lists_everything_and_asks_nobody(
    made: Made, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    result = made.push("--dry-run")
    assert result.exit_code == 0, result.output
    assert hub.requests == []
    listed = {}
    for line in result.output.splitlines()[:-1]:
        digest, size, path = line.split()
        listed[path] = (digest, int(size.replace(",", "")))
    monkeypatch.setenv("HF_TOKEN", GOOD)
    assert made.push().exit_code == 0
    assert listed == {
        path: (hashlib.sha256(content).hexdigest(), len(content))
        for path, content in hub.files(REPO).items()
    }
    assert f"{len(listed)} files" in result.output.splitlines()[-1]


@pytest.mark.parametrize("token", [None, "", "  "])
def test_without_a_token_nobody_is_asked(
    made: Made, hub: Hub, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    if token is None:
        monkeypatch.delenv("HF_TOKEN")
    else:
        monkeypatch.setenv("HF_TOKEN", token)
    assert "HF_TOKEN" in refused(made.push())
    assert hub.requests == []


@pytest.mark.parametrize(
    ("token", "repo", "words"),
    [
        ("hf_expired", REPO, "does not accept the token"),
        (READER, REPO, f"may not write to {REPO}"),
        (GOOD, "another/tiny", "may not write to another/tiny"),
    ],
)
def test_a_token_without_the_right_is_told(
    made: Made, hub: Hub, monkeypatch: pytest.MonkeyPatch, token: str, repo: str, words: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    result = made.push(repo=repo)
    assert words in refused(result)
    assert token not in result.output
    assert hub.repositories == {}


@pytest.mark.parametrize(
    "repo", ["tiny", "a/b/c", "some one/tiny", "someone/-tiny", "someone/a--b", "/tiny", "someone/"]
)
@pytest.mark.parametrize("dry", [True, False])
def test_a_malformed_name_is_refused_before_anything(
    made: Made, hub: Hub, repo: str, dry: bool
) -> None:
    assert repr(repo) in refused(made.push(*(["--dry-run"] if dry else []), repo=repo))
    assert hub.requests == []


def test_a_hub_that_cannot_be_reached_is_named(
    made: Made, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as gone:
        address = gone.address
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    assert f"{address} cannot be reached" in refused(made.push())


@pytest.mark.parametrize(
    ("part", "status", "words"),
    [
        ("whoami", 429, "try again later"),
        ("repos/create", 503, "failed with 503"),
        ("validate-yaml", 400, "refused with 400"),
        ("preupload", 404, f"knows no {REPO}"),
        ("/lfs-verify/", 409, "refused with 409"),
        ("/commit/", 403, "may not write"),
    ],
)
def test_a_refusal_half_way_is_one_sentence(
    made: Made, hub: Hub, part: str, status: int, words: str
) -> None:
    hub.failing[part] = status
    assert words in refused(made.push())
    assert all(not one.commits for one in hub.repositories.values())
    hub.failing.clear()
    assert made.push().exit_code == 0


def test_a_hub_without_xet_storage_is_told_with_the_way_out(
    made: Made, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("hf_xet")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", False)
    assert "set HF_HUB_DISABLE_XET=1" in refused(made.push())


def test_an_altered_model_directory_is_refused(made: Made, hub: Hub) -> None:
    (made.model / "model.onnx").write_bytes(b"something else")
    assert "model.onnx" in refused(made.push())
    assert hub.requests == []


def test_a_model_of_another_version_is_refused(made: Made, hub: Hub) -> None:
    write_manifest(made.model, "tiny-2")
    assert "'tiny-2'" in refused(made.push())
    assert hub.requests == []


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_model_of_another_run_is_refused(made: Made, hub: Hub, name: str) -> None:
    (made.run / "int8" / name).write_bytes(b"trained again")
    assert "not made from this run" in refused(made.push())
    assert hub.requests == []


def test_a_checkpoint_that_was_trained_further_is_refused(made: Made, hub: Hub) -> None:
    weights = made.run / "model" / "model.safetensors"
    weights.write_bytes(save(WEIGHTS | {"classifier.bias": BIAS + np.float32(1e-4)}))
    assert f"was not made from {weights}" in refused(made.push())
    weights.write_bytes(b"not safetensors")
    assert f"{weights}: not a safetensors file" in refused(made.push())
    assert hub.requests == []


def test_a_graph_that_is_none_is_refused(made: Made, hub: Hub) -> None:
    for folder in (made.run / "int8", made.model):
        (folder / "model.onnx").write_bytes(b"no graph")
    write_manifest(made.model, "tiny-1")
    assert "not an ONNX graph" in refused(made.push())
    assert hub.requests == []


@pytest.mark.parametrize(
    "name",
    ["model/model.safetensors", "model/config.json", "model/tokenizer.json", "int8/model.onnx"],
)
def test_an_unfinished_run_is_refused(made: Made, hub: Hub, name: str) -> None:
    (made.run / name).unlink()
    assert f"{made.run / name} is missing" in refused(made.push("--dry-run"))
    assert hub.requests == []


def test_a_checkpoint_in_parts_goes_whole(made: Made, hub: Hub) -> None:
    (made.run / "model" / "model.safetensors").unlink()
    index = json.dumps({"weight_map": {}}).encode()
    names = list(WEIGHTS)
    parts = {
        "model-00001-of-00002.safetensors": save({names[0]: WEIGHTS[names[0]]}),
        "model-00002-of-00002.safetensors": save({names[1]: WEIGHTS[names[1]]}),
        "model.safetensors.index.json": index,
    }
    for name, content in parts.items():
        (made.run / "model" / name).write_bytes(content)
    assert made.push().exit_code == 0
    assert {name: hub.files(REPO)[name] for name in parts} == parts


@pytest.mark.parametrize(("text", "words"), [(None, "is missing"), ("  \n", "is empty")])
def test_a_missing_card_is_told(made: Made, hub: Hub, text: str | None, words: str) -> None:
    card = made.model / "README.md"
    card.unlink()
    if text is not None:
        card.write_text(text)
    assert f"{card} {words}" in refused(made.push())
    assert hub.requests == []


def test_a_model_without_a_licence_is_refused(made: Made, hub: Hub) -> None:
    assert "no licence" in refused(made.push(licence=None))
    assert hub.requests == []


def test_the_experiment_may_name_the_licence(made: Made, hub: Hub) -> None:
    named = made.config.read_text() + 'license = "mit"\n'
    made.config.write_text(named)
    assert made.push(licence=None).exit_code == 0
    assert b"license: mit" in hub.files(REPO)["README.md"]
    made.config.write_text(named.replace('"mit"', '"My own, really"'))
    assert "artifact.license = 'My own, really'" in refused(made.push(licence=None))
