"""Token ids → logits: ONNX Runtime, or any six-label Hugging Face checkpoint in PyTorch.

Both give raw logits in the order of `LABELS`. What the logits mean (calibration) and where the
tokens come from is the model's business. A backend that has been made has also been tried: it has
scored the longest text and the highest token id it may ever get.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from bot.errors import ArtifactError, MissingExtraError, ScoringError
from bot.labels import LABELS, Label
from bot.screening.batching import Cost

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Logits = NDArray[np.float32]


class Backend(Protocol):
    """Runs the network.

    Attributes
    ----------
    lanes
        How many batches it is best given at a time, each from a thread of its own.
    cost
        What a batch costs beyond its tokens, roughly.
    """

    lanes: int
    cost: Cost

    def logits(self, batch: Sequence[Sequence[int]]) -> Logits:
        """Score token ids.

        Parameters
        ----------
        batch
            At least one sequence of token ids, special tokens included; they may differ in length.

        Returns
        -------
        ndarray of float32, shape (len(batch), 6)
            In the order of `LABELS`.
        """
        ...


def default_threads() -> int:
    """As many as the cores this process may use, at most four.

    They are used under load only: a lone message takes one. And they step back for everything else
    on the machine, see `lanes.step_back`.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(cores, 4)


def padded(batch: Sequence[Sequence[int]], pad_id: int) -> tuple[NDArray[np.int64], ...]:
    """Token ids and attention mask, both (len(batch), longest)."""
    longest = max(map(len, batch))
    ids = np.full((len(batch), longest), pad_id, dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return ids, mask


def try_out(backend: Backend, name: Path | str, highest_id: int, max_tokens: int) -> None:
    """Run the longest and the highest input there can be.

    Raises
    ------
    ArtifactError
        The tokenizer's ids or the token limit do not fit the network, or its output is not one row
        of six finite logits for each text.
    """
    try:
        longest = backend.logits([[highest_id] * max_tokens])
        several = backend.logits([[highest_id] * 3, [highest_id]])
    except ScoringError as error:
        raise ArtifactError(name, str(error)) from None
    except Exception as error:
        raise ArtifactError(
            name,
            f"fails on {max_tokens} tokens with the tokenizer's highest id, {highest_id} "
            f"({type(error).__name__}); tokenizer and network do not belong together",
        ) from None
    if not (np.isfinite(longest).all() and np.isfinite(several).all()):
        raise ArtifactError(name, "gives logits that are not finite numbers")


def neighbours_matter(backend: Backend, highest_id: int, max_tokens: int) -> bool:
    """Whether a text's logits depend on what else is in its batch.

    They do where activations are quantised as they come (ONNX Runtime's dynamic int8): the whole
    batch shares one scale, and one loud text makes all others coarser. On the model's own
    probabilities that was measured to be worth up to 0.1, so such a network has to get its texts
    one at a time.
    """
    draw = Random(0)
    lengths = range(4, 4 + min(8, max_tokens - 3))
    texts = [[draw.randint(0, highest_id) for _ in range(length)] for length in lengths]
    alone = np.concatenate([backend.logits([text]) for text in texts])
    return bool(np.abs(backend.logits(texts) - alone).max() > _SAME_LOGIT)


# The steepest sigmoid turns this into 0.005 of probability.
_SAME_LOGIT = 0.02

# ONNX Runtime joins an addition and the LayerNormalization after it into a kernel that takes five
# times as long as the two: a fifth of the whole network, with version 1.31 on AVX-512.
SLOWER_JOINED = ["SkipLayerNormFusion", "EmbedLayerNormFusion"]

PACKED = "computes padding in attention alone"
"""What the metadata of a graph name if `training.packing` made it."""


# Measured with the model that ships: a batch's weights come from memory, since another batch was
# read in between. Padding is computed like a token, or in attention alone.
_COST = Cost(setup=14)
_COST_PACKED = Cost(setup=16, padding=0.3)


class OnnxBackend:
    """ONNX Runtime on the processor.

    Parameters
    ----------
    path
        The ``model.onnx``: inputs ``input_ids`` and ``attention_mask`` (``token_type_ids`` too, if
        the network has it), shape (batch, tokens); one output, (batch, 6).
    pad_id
        The id that fills shorter rows up.
    threads
        Batches at a time, one thread each; None for `default_threads`. Threads within an operator
        would have to meet after each of some hundred operators: measured on two cores, two of them
        are 1.3 times as fast as one, two batches at a time 1.9 times.
    """

    def __init__(self, path: Path, *, pad_id: int, threads: int | None = None) -> None:
        self._path = path
        self._pad_id = pad_id
        self.lanes = threads or default_threads()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # Hardly two batches are alike: plans of their memory are not used twice, and take 11 MB.
        options.enable_mem_pattern = False
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        # A bot shares its machine: its threads sleep while they wait for work.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4  # failures come as exceptions; nothing is written to stderr
        try:
            self._session = onnxruntime.InferenceSession(
                path,
                options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=SLOWER_JOINED,
            )
        except Exception as error:
            raise ArtifactError(
                path, f"ONNX Runtime cannot load it ({type(error).__name__})"
            ) from None
        packed = PACKED in self._session.get_modelmeta().custom_metadata_map
        self.cost = _COST_PACKED if packed else _COST
        self._inputs = {each.name: each.type for each in self._session.get_inputs()}
        unknown = set(self._inputs) - {"input_ids", "attention_mask", "token_type_ids"}
        if unknown or "input_ids" not in self._inputs:
            found = ", ".join(self._inputs)
            raise ArtifactError(
                path, f"its inputs are {found}; input_ids and attention_mask are needed"
            )

    def logits(self, batch: Sequence[Sequence[int]]) -> Logits:
        """See `Backend.logits`."""
        ids, mask = padded(batch, self._pad_id)
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        outputs = self._session.run(
            None,
            {
                name: feed[name].astype(np.int32) if kind == "tensor(int32)" else feed[name]
                for name, kind in self._inputs.items()
            },
        )
        return _checked(np.asarray(outputs[0]), len(batch))


class TorchBackend:
    """Any Hugging Face sequence classifier with the six labels, in PyTorch on the processor.

    Parameters
    ----------
    name
        A directory with ``config.json`` and weights, or a name on the hub.
    threads
        Threads for PyTorch (of the whole process); None leaves PyTorch's own choice.

    Attributes
    ----------
    tokenizer : tokenizers.Tokenizer
        The checkpoint's own, without padding or truncation.
    pad_id, max_tokens : int
        The padding id, and how many tokens the network reads at most.
    revision : str
        The hub's commit, or "" for a directory.

    Raises
    ------
    MissingExtraError
        PyTorch or transformers is not installed.
    ArtifactError
        There is no such checkpoint, it cannot be fetched, or its labels are not the six.
    """

    lanes = 1  # PyTorch's threads work on one batch together
    cost = Cost(setup=48)  # of BERT-base in fp32: its weights pass through the cache once a batch

    def __init__(self, name: str, *, threads: int | None = None) -> None:
        try:
            import huggingface_hub
            import torch
            import transformers
        except ImportError:
            raise MissingExtraError(f"The Hugging Face checkpoint {name}", "torch") from None
        self._torch = torch
        if threads:
            torch.set_num_threads(threads)
        # What goes wrong is said by the errors below, once.
        quiet: Any = (transformers.utils.logging, huggingface_hub.utils.logging)
        for each in quiet:
            each.set_verbosity_error()
        quiet[0].disable_progress_bar()
        try:
            config = transformers.AutoConfig.from_pretrained(name)
        except Exception as error:
            raise ArtifactError(name, _why_not(error)) from None
        # Before the weights are fetched: they may be gigabytes.
        self._columns = _columns(name, config.id2label)
        try:
            network: Any = transformers.AutoModelForSequenceClassification.from_pretrained(
                name, dtype=torch.float32
            )
            fast: Any = transformers.AutoTokenizer.from_pretrained(name)
        except Exception as error:
            raise ArtifactError(name, _why_not(error)) from None
        if not getattr(fast, "is_fast", False):
            raise ArtifactError(name, "has no fast tokenizer (tokenizer.json)")
        self._network = network.eval()
        self.tokenizer: Tokenizer = fast.backend_tokenizer
        self.pad_id: int = fast.pad_token_id or 0
        limits = (fast.model_max_length, getattr(config, "max_position_embeddings", None))
        self.max_tokens = int(min(limit for limit in (*limits, 512) if limit))
        self.revision: str = getattr(config, "_commit_hash", None) or ""

    def logits(self, batch: Sequence[Sequence[int]]) -> Logits:
        """See `Backend.logits`."""
        ids, mask = (self._torch.from_numpy(each) for each in padded(batch, self.pad_id))
        with self._torch.inference_mode():
            found = self._network(input_ids=ids, attention_mask=mask).logits
        return _checked(found.numpy()[:, self._columns], len(batch))


def _columns(name: str, id2label: Mapping[Any, str]) -> list[int]:
    """Which of the checkpoint's outputs is which label, in the order of `LABELS`."""
    outputs = {int(column): str(label) for column, label in id2label.items()}
    if outputs == {column: f"LABEL_{column}" for column in range(len(LABELS))}:
        return list(range(len(LABELS)))  # labels were never named: taken in our order
    named: dict[Label | None, int] = {Label.parse(label): at for at, label in outputs.items()}
    if len(outputs) != len(LABELS) or set(named) != set(LABELS):
        shown = ", ".join(list(outputs.values())[:8]) + (", …" if len(outputs) > 8 else "")
        raise ArtifactError(
            name, f"its {len(outputs)} labels are {shown}; the six are needed: {', '.join(LABELS)}"
        )
    return [named[label] for label in LABELS]


def _why_not(error: Exception) -> str:
    """One sentence for the many ways in which a checkpoint cannot be had."""
    if isinstance(error, OSError):
        return "is no checkpoint on this machine, and could not be fetched from the hub"
    return f"transformers cannot load it ({type(error).__name__})"


def _checked(logits: NDArray[Any], texts: int) -> Logits:
    if logits.shape != (texts, len(LABELS)):
        raise ScoringError(
            f"gives an output of shape {logits.shape} for {texts} texts; "
            f"{(texts, len(LABELS))} is needed"
        )
    return logits.astype(np.float32, copy=False)
