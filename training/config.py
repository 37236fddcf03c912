"""What an experiment's settings are, what each means, and which values it may have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bot.labels import Label

Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Weight = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Tokens = Annotated[int, Field(ge=16, le=512)]
# More is noise; and a share that rounds to 256 256ths leaves nothing (`training.dropout`).
Dropout = Annotated[float, Field(ge=0.0, le=0.95)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]

_Preset = Literal["relaxed", "balanced", "strict"]
_NEXT: tuple[tuple[_Preset, _Preset], ...] = (("balanced", "relaxed"), ("strict", "balanced"))
"""Presets, each with the one that flags less."""


class TrainingError(Exception):
    """Anything the trainer reports to its user in one sentence, never as a traceback."""


class ConfigError(TrainingError):
    """A configuration that cannot be used; one line that names the setting."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rows(_Section):
    """Where the labelled rows are and how they are divided."""

    file: Path | None = None
    """A CSV or Parquet file with one column per label, or a zip archive that holds one CSV."""
    hub: str | None = None
    """A data set of the Hugging Face hub instead of a file: ``USER/NAME``, or a folder on disk."""
    hub_split: str = "train"
    text_column: str = "comment_text"
    id_column: str | None = "id"
    weight_column: str | None = None
    """Weights that restore the prior of a file in which some kinds of rows are over-represented."""
    loss_weight_column: str | None = None
    """Weights of single rows (how far each is trusted); they count in the loss alone."""
    validation_share: Share = 0.1
    split: Literal[1, 2, 3] | None = None
    """How they are divided, by the version of `training.split`; the newest one without it. A model
    that is trained on must hold out those of the main file that it held out before."""
    max_samples: Annotated[int, Field(ge=20)] | None = None
    """Train and validate on this many rows at most, drawn so that the label mix stays."""

    @model_validator(mode="after")
    def _one_source(self) -> Rows:
        if (self.file is None) == (self.hub is None):
            raise ValueError("name either file = … or hub = …")
        return self

    @property
    def source(self) -> str:
        """What messages call it."""
        return str(self.file or self.hub)


class Auxiliary(_Section):
    """Rows of another domain, whose labels are not quite the six."""

    path: Path
    """A file as ``rows.file``, or a folder of chat lines (see `training.written`)."""
    text_column: str = "text"
    where: str | None = None
    """Keep the rows for which this expression (of `pandas.DataFrame.query`) holds."""
    labels: dict[Label, str] = Field(default_factory=dict)
    """Each label as an expression over the columns (of `pandas.DataFrame.eval`), in [0, 1]; where
    it is missing or not a number the label is masked: the row says nothing about it."""
    group_column: str | None = None
    """Rows that share it (sentences of one template) stay on one side of the split."""
    weight: Annotated[float, Field(gt=0.0, le=100.0)] = 1.0
    """What a row counts in the loss beside an average row of the main file."""
    rows_per_epoch: Annotated[int, Field(ge=1)] | None = None
    """Draw this many anew for each epoch; all of them without it."""
    most_per_template: Annotated[int, Field(ge=1)] = 6
    """For chat lines: how many sentences one template makes."""


class Base(_Section):
    """The checkpoint to start from."""

    checkpoint: str
    """A path, or a hub name, of any BERT-family checkpoint."""
    cited_as: str | None = None
    """What the manifest calls it, where that is not the path's last part."""
    max_tokens: Tokens = 192
    """Texts are cut to this many tokens while training."""
    hidden_dropout: Dropout = 0.1
    attention_dropout: Dropout = 0.0


class Loss(_Section):
    """What the model is punished for."""

    kind: Literal["bce", "focal", "asymmetric"] = "bce"
    focus_positive: Annotated[float, Field(ge=0.0, le=10.0)] = 0.0
    """Asymmetric: the focusing exponent of positives."""
    focus_negative: Annotated[float, Field(ge=0.0, le=10.0)] = 2.0
    """Focal: the exponent of both; asymmetric: of negatives."""
    clip: Annotated[float, Field(ge=0.0, lt=0.5)] = 0.05
    """Asymmetric: negatives below this probability cost nothing."""
    smoothing: Annotated[float, Field(ge=0.0, lt=0.5)] = 0.0
    """Targets are drawn in from 0 and 1 by half of this."""
    positive_weight_power: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """A label's positives weigh (negatives / positives) to this power: 0 is plain, 1 balances."""
    label_weights: dict[Label, Weight] = Field(default_factory=dict)
    """What a label counts beside the others; 1 where none is named."""

    @model_validator(mode="after")
    def _heeded(self) -> Loss:
        heeded = {
            "bce": (),
            "focal": ("focus_negative",),
            "asymmetric": ("focus_positive", "focus_negative", "clip"),
        }[self.kind]
        for name in ("focus_positive", "focus_negative", "clip"):
            # A run's experiment.json names all settings: those at their default are no mistake.
            if name not in heeded and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(
                    f"{name} = {getattr(self, name)} does nothing with kind = {self.kind!r}; "
                    "take it out or choose another kind"
                )
        return self


class Distillation(_Section):
    """Learn from other models' answers too, and the lower layers from the last one's."""

    teachers: tuple[Path, ...] = ()
    """``.npz`` files of ``ids`` and ``logits`` [rows, 6], as `baseline --out-of-fold` and `teach`
    write them. Several are averaged, as logits."""
    share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    """Of the loss; the labels have the rest."""
    temperature: Annotated[float, Field(ge=0.5, le=10.0)] = 1.0
    halfway_layer: Annotated[int, Field(ge=1)] | None = None
    """Behind this layer, a head learns to guess what the whole network says, so that texts can
    leave there or behind the next ones (``artifact.early_exit.layers``)."""
    halfway_weight: Annotated[float, Field(gt=0.0, le=10.0)] = 0.3
    """Of that loss, beside the other one."""

    @model_validator(mode="after")
    def _heeded(self) -> Distillation:
        # A run's experiment.json names all settings: those at their default are no mistake.
        for name, needed, there in (
            ("share", "teachers", self.teachers),
            ("temperature", "teachers", self.teachers),
            ("halfway_weight", "halfway_layer", self.halfway_layer),
        ):
            value = getattr(self, name)
            if not there and value != type(self).model_fields[name].default:
                raise ValueError(
                    f"{name} = {value} does nothing without {needed}; take it out, or name {needed}"
                )
        return self


class Augmentation(_Section):
    """Texts as evaders write them, and as they stand in longer messages."""

    share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """Of an epoch's rows, harmless ones as often as the others, so that a disguise says nothing."""
    among_others: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """Of an epoch's short rows, harmless ones as often as the others: these come among one to
    three short harmless texts, so that what is said in passing is found too."""


class Optimisation(_Section):
    """How the weights are moved."""

    epochs: Annotated[float, Field(gt=0.0, le=100.0)] = 2.0
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 32
    learning_rate: Annotated[float, Field(gt=0.0, le=0.1)] = 5e-5
    """The top encoder layer's; the layers below get less."""
    head_learning_rate: Annotated[float, Field(gt=0.0, le=0.1)] = 5e-4
    layer_decay: Annotated[float, Field(gt=0.0, le=1.0)] = 0.9
    """Each layer's learning rate over that of the layer above it; 1 treats all alike."""
    weight_decay: Annotated[float, Field(ge=0.0, le=1.0)] = 0.01
    warmup_share: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.06
    """Of all steps: in these the learning rate rises from 0 in a line. Epochs that end before they
    do are not looked at by reduce_lr_on_plateau."""
    schedule: Literal["linear", "cosine", "constant_with_warmup", "reduce_lr_on_plateau"] = "linear"
    gradient_norm: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] = 1.0
    average_decay: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Decay per step of the running average of the weights; 0 keeps no average."""
    base_share: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Of the base checkpoint's weights in the final ones, for a base that has the six labels:
    what it knew and further training wore away comes back."""
    bf16: Literal["auto", "on", "off"] = "auto"
    checkpoint_steps: Annotated[int, Field(ge=1)] = 500
    best_by: Literal["roc_auc", "average_precision", "loss"] = "average_precision"
    """The validation figure by which the best epoch is kept (means over the labels)."""
    patience: Annotated[int, Field(ge=1)] | None = None
    """Stop after this many epochs without a better figure."""


class Pretraining(Optimisation):
    """How the base checkpoint learns the language of the texts first, without labels."""

    masking: Literal["words", "tokens"] = "words"
    """Whole words are hidden, or single tokens; a part of a word is easily guessed by the rest."""
    share: Annotated[float, Field(gt=0.0, le=0.5)] = 0.15
    """Of the words or tokens of a text, drawn anew each time that it is read."""
    epochs: Annotated[float, Field(gt=0.0, le=100.0)] = 1.0
    learning_rate: Annotated[float, Field(gt=0.0, le=0.1)] = 1e-4
    layer_decay: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    best_by: Literal["loss"] = "loss"
    base_share: Annotated[float, Field(ge=0.0, le=0.0)] = 0.0
    """Nothing else: the base has no head for masked tokens to take a share of."""


class Presets(_Section):
    """The precision each preset aims at; a label may have its own."""

    relaxed: Share = 0.9
    balanced: Share = 0.8
    strict: Share = 0.6
    labels: dict[Label, dict[_Preset, Share]] = Field(default_factory=dict)
    """Targets of single labels, where they differ."""

    @model_validator(mode="after")
    def _ordered(self) -> Presets:
        for label in Label:
            for stricter, other in _NEXT:
                aim, limit = self.target(stricter, label), self.target(other, label)
                if aim > limit:
                    raise ValueError(
                        f"{stricter} = {aim} must not rise above {other} = {limit} in precision "
                        f"(labels.{label})"
                    )
        return self

    def target(self, preset: _Preset, label: Label) -> float:
        """The precision that a preset aims at for a label."""
        own = self.labels.get(label, {})
        general: float = getattr(self, preset)
        return own.get(preset, general)


class EarlyExit(_Section):
    """Texts that are plainly harmless leave the network half way."""

    layers: Annotated[int, Field(ge=1)]
    """That every text passes."""
    below: Annotated[float, Field(gt=0.0, lt=0.5)]
    """They leave when each label's probability, uncalibrated, is guessed to be under this."""
    texts: Annotated[int, Field(ge=100)] = 60_000
    """Of those trained on, so many at most teach the guessing."""
    largest_auc_drop: Annotated[float, Field(ge=0.0, le=0.1)] = 0.0005
    """What leaving may cost in mean ROC AUC, beyond what int8 costs."""


class Artifact(_Section):
    """What the exported model directory says of itself."""

    model_version: Annotated[str, Field(min_length=1, max_length=64)]
    card: Path | None = None
    """The model card's prose (Markdown), relative to this file; figures are filled in at export.
    Without it, what is true of any model (`training/templates/card.md.jinja`)."""
    license: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")] | None = None
    """The model's, as the hub writes it (``apache-2.0``), where the card's prose names none."""
    trained_on: str = ""
    largest_auc_drop: Annotated[float, Field(ge=0.0, le=0.1)] = 0.0005
    early_exit: EarlyExit | None = None


class Experiment(_Section):
    """One experiment: what is read, how it is trained, and what comes out."""

    name: Name
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 17
    rows: Rows
    auxiliary: dict[Name, Auxiliary] = Field(default_factory=dict)
    base: Base
    augmentation: Augmentation = Augmentation()
    loss: Loss = Loss()
    distillation: Distillation = Distillation()
    optimisation: Optimisation = Optimisation()
    pretraining: Pretraining = Pretraining()
    presets: Presets = Presets()
    artifact: Artifact
