"""A trained and exported model goes to the Hugging Face hub, in one commit.

What is sent is settled first, from local files alone (`plan`); only then is the hub asked for
anything (`push`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import numpy as np
import onnx
from google.protobuf.message import DecodeError
from huggingface_hub import CommitOperationAdd, HfApi, constants
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

# It is in the package's list of names, but not re-exported in the way that mypy asks for.
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]
from safetensors import SafetensorError, safe_open

from bot.screening.artifact import MANIFEST, MODEL, TOKENIZER, Manifest, read, sha256
from training import runs
from training.config import Experiment, TrainingError
from training.hub_card import hub_card

TOKEN = "HF_TOKEN"
CARD = "README.md"
ONNX = "onnx"
SAFE = ".safetensors"
WEIGHTS, WEIGHTS_INDEX = f"model{SAFE}", f"model{SAFE}.index.json"
HEAD = "classifier"
CONFIG = "config.json"
# What a checkpoint is made of. Anything else in its folder (an optimiser's state, a pickle) stays.
CHECKPOINT_FILES = (
    CONFIG,
    WEIGHTS_INDEX,
    TOKENIZER,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "spiece.model",
)
BRANCH_START = "main"
REASON_LENGTH = 200


class PushError(TrainingError):
    """Why nothing was sent, or why the hub did not take it."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One file that is to be sent."""

    path: str
    """Where it lies in the repository."""
    source: Path | bytes
    """The file here, or its content where it is made for the hub."""
    size: int
    """In bytes."""
    sha256: str
    """In hexadecimal."""


def check_repo(repo: str) -> None:
    """Check the form of a repository's name.

    Raises
    ------
    PushError
        It is not ``USER/NAME`` as the hub writes names.
    """
    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise PushError(f"{repo!r} is no repository name: {_short(str(error))}") from None
    if "/" not in repo:
        raise PushError(f"{repo!r} is no repository name; it is written USER/NAME")


def plan(
    experiment: Experiment, run: Path, model: Path, licence: str | None = None
) -> list[Sending]:
    """Check that the export is whole and made from this run, and list what would be sent.

    Parameters
    ----------
    experiment
        The experiment that the run carried out.
    run
        Its directory, as `train` and `calibrate` left it.
    model
        The model directory that `export` wrote.
    licence
        The model's licence, where the card's YAML block does not name one; one of the hub's
        identifiers, such as ``apache-2.0``. Without it ``artifact.license`` counts.

    Returns
    -------
    list of Sending
        The card first, then the checkpoint's files at the root and the model directory's in
        ``onnx/``.

    Raises
    ------
    RunError
        The run was begun with other settings than the experiment's.
    PushError
        Something is missing, or belongs to another run; names the file.
    ArtifactError
        The model directory is not whole.
    CardError
        The card is missing or its YAML block cannot be used.
    """
    runs.check_same(experiment, run)
    manifest = read(model)
    _same_run(experiment, run, model, manifest)
    checkpoint = _checkpoint(run / runs.CHECKPOINT)
    _same_weights([path for path in checkpoint if path.suffix == SAFE], model / MODEL)
    card = hub_card(model / CARD, manifest, licence or experiment.artifact.license)
    sendings = [Sending(CARD, card, len(card), hashlib.sha256(card).hexdigest())]
    sendings += [_sending(path.name, path) for path in checkpoint]
    exported = sorted({*manifest.files, MANIFEST} - {CARD})
    return sendings + [_sending(f"{ONNX}/{name}", model / name) for name in exported]


def listing(sendings: Sequence[Sending]) -> str:
    """What would be sent, a line for each file: SHA-256, bytes, path in the repository."""
    lines = [f"{one.sha256}  {one.size:>12,}  {one.path}" for one in sendings]
    total = sum(one.size for one in sendings)
    return "\n".join([*lines, f"{len(sendings)} files, {total:,} bytes; nothing was sent"])


def push(
    sendings: Sequence[Sending],
    repo: str,
    message: str,
    *,
    private: bool = False,
    revision: str | None = None,
    endpoint: str | None = None,
) -> str:
    """Send the files in one commit; the repository and the branch are made if they are missing.

    Files of the repository that are not among those sent stay as they are.

    Parameters
    ----------
    sendings
        What `plan` listed.
    repo
        ``USER/NAME``.
    message
        The commit's message.
    private
        Make the repository private. One that exists and is public is refused.
    revision
        The branch; ``main`` if not given.
    endpoint
        The hub's address; ``HF_ENDPOINT`` or the public hub if not given.

    Returns
    -------
    str
        The commit's address.

    Raises
    ------
    PushError
        There is no token in ``HF_TOKEN``, or the hub refuses or cannot be reached.
    """
    check_repo(repo)
    token = os.environ.get(TOKEN, "").strip()
    if not token:
        raise PushError(
            f"there is no token: set {TOKEN} to one that may write (on the hub: Settings, Access "
            "Tokens)"
        )
    api = HfApi(endpoint=endpoint, token=token, library_name="hexward")
    with _told(api.endpoint, repo, token):
        api.whoami()
        api.create_repo(repo, private=private or None, exist_ok=True)
        # A repository that was there keeps its visibility, whatever was asked for.
        if private and not api.model_info(repo).private:
            raise PushError(
                f"{repo} exists and is public; make it private on the hub, or leave --private out"
            )
        if revision is not None and revision != BRANCH_START:
            api.create_branch(repo, branch=revision, exist_ok=True)
        commit = api.create_commit(
            repo,
            [CommitOperationAdd(one.path, one.source) for one in sendings],
            commit_message=message,
            revision=revision,
        )
    return str(commit.commit_url)


def _same_run(experiment: Experiment, run: Path, model: Path, manifest: Manifest) -> None:
    expected = experiment.artifact.model_version
    if manifest.model_version != expected:
        raise PushError(
            f"{model / MANIFEST}: model_version is {manifest.model_version!r}, the experiment's is "
            f"{expected!r}; export the model again"
        )
    # `export` copies these two from the run, so in the model made from it they are the same.
    for name in (MODEL, TOKENIZER):
        made = run / runs.QUANTISED / name
        if not made.is_file():
            raise PushError(f"{made} is missing; run `calibrate` and `export` first")
        if sha256(made) != manifest.files[name]:
            raise PushError(
                f"{model / name} was not made from this run: {made} is another file; export the "
                "model again"
            )


def _checkpoint(directory: Path) -> list[Path]:
    found = [directory / name for name in CHECKPOINT_FILES if (directory / name).is_file()]
    weights = sorted(directory.glob(f"*{SAFE}"))
    for name, there in (
        (CONFIG, directory / CONFIG in found),
        (WEIGHTS, bool(weights)),
        (TOKENIZER, directory / TOKENIZER in found or directory / "vocab.txt" in found),
    ):
        if not there:
            raise PushError(f"{directory / name} is missing; run `train` first")
    return sorted([*found, *weights])


def _same_weights(weights: Sequence[Path], graph: Path) -> None:
    """Refuse a graph that was not made from these weights.

    Quantisation rounds what is multiplied but leaves the head's biases as they were, under the
    checkpoint's own names, and no two trainings end in the same ones. A graph without such names
    says nothing, and passes.
    """
    try:
        initializers = onnx.load(graph).graph.initializer
    except (DecodeError, OSError) as error:
        raise PushError(f"{graph}: not an ONNX graph: {_short(str(error))}") from None
    kept = {
        one.name.removeprefix("model."): onnx.numpy_helper.to_array(one)
        for one in initializers
        if one.data_type == onnx.TensorProto.FLOAT and HEAD in one.name
    }
    for path in weights:
        try:
            with safe_open(path, framework="np") as tensors:
                held = {name: tensors.get_tensor(name) for name in kept.keys() & tensors.keys()}
        except (SafetensorError, OSError) as error:
            raise PushError(f"{path}: not a safetensors file: {_short(str(error))}") from None
        for name, tensor in sorted(held.items()):
            if not np.array_equal(tensor, kept[name]):
                raise PushError(
                    f"{graph} was not made from {path}: {name} differs; run `calibrate` and "
                    "`export` again"
                )


def _sending(path: str, source: Path) -> Sending:
    try:
        return Sending(path, source, source.stat().st_size, sha256(source))
    except OSError as error:
        raise PushError(f"{source}: cannot be read: {error.strerror}") from None


@contextmanager
def _told(endpoint: str, repo: str, token: str) -> Iterator[None]:
    """Whatever goes wrong at the hub becomes one sentence, without the token."""
    try:
        yield
    except TrainingError:
        raise
    except OfflineModeIsEnabled:
        raise PushError("HF_HUB_OFFLINE is set; take it out to reach the hub") from None
    except (
        httpx2.HTTPError,
        httpx2.InvalidURL,
        OSError,
        RuntimeError,
        ValueError,
        KeyError,
    ) as error:
        # The hub's client wraps what an upload's thread raised.
        inner: BaseException = error
        while inner.__cause__ is not None and not isinstance(
            inner, HfHubHTTPError | httpx2.TransportError
        ):
            inner = inner.__cause__
        raise PushError(_sentence(inner, endpoint, repo).replace(token, "…")) from None


def _sentence(error: BaseException, endpoint: str, repo: str) -> str:
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        reason = _reason(error)
        if status == 401:
            return f"{endpoint} does not accept the token in {TOKEN}; make a new one there"
        if status == 403:
            return (
                f"the token in {TOKEN} may not write to {repo}{reason}; give it that right, or "
                "name a repository of your own"
            )
        if status == 404:
            return f"{endpoint} knows no {repo} that the token may see{reason}"
        if status == 429:
            return f"{endpoint} takes no more requests for now{reason}; try again later"
        if status >= 500:
            return f"{endpoint} failed with {status}{reason}; try again later"
        return f"{endpoint} refused with {status}{reason}"
    if isinstance(error, httpx2.TransportError):
        return f"{endpoint} cannot be reached ({_short(str(error)) or type(error).__name__})"
    sentence = f"sending to {endpoint} failed ({_short(str(error)) or type(error).__name__})"
    if constants.HF_HUB_DISABLE_XET:
        return sentence
    # A hub of one's own may lack it, and the client does not fall back to plain HTTP by itself.
    return f"{sentence}; if that hub has no Xet storage, set HF_HUB_DISABLE_XET=1"


def _reason(error: HfHubHTTPError) -> str:
    said = error.server_message or error.response.headers.get("X-Error-Message") or ""
    return f" ({_short(said)})" if said else ""


def _short(text: str) -> str:
    line = "".join(sign for sign in " ".join(text.split()) if sign.isprintable()).rstrip(".")
    return line if len(line) <= REASON_LENGTH else f"{line[:REASON_LENGTH]}…"
