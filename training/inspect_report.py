"""An inspection, written down: a page with pictures for people, JSON for programs."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.labels import LABELS, Label
from training import plots
from training.config import Experiment
from training.inspect import Group, Inspection, LabelCount, Lengths, Suspicion
from training.markdown import table_of

SHOWN = 20  # groups and rows listed on the page; the JSON file has all
BARS = 20  # combinations drawn; the table has all
ROWS_NAMED = 12
EXCERPT = 90  # characters of a text
FEW = 30  # validation rows below which a figure is mostly luck
NO_LABEL = "no label"


def write(found: Inspection, experiment: Experiment, directory: Path) -> Path:
    """Write ``inspection.md``, ``inspection.json`` and the pictures that the page shows.

    Parameters
    ----------
    found
        What `training.inspect.inspect` returned.
    experiment
        The settings it was found with; they are kept in the JSON file.
    directory
        Where to write; made where it is missing.

    Returns
    -------
    Path
        The page.
    """
    directory.mkdir(parents=True, exist_ok=True)
    _pictures(found, directory)
    record = as_json(found) | {"experiment": experiment.model_dump(mode="json")}
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    # A lone surrogate, which UTF-8 cannot hold, is written as its number.
    (directory / "inspection.json").write_text(text, encoding="utf-8", errors="backslashreplace")
    page = directory / "inspection.md"
    page.write_text(markdown(found), encoding="utf-8", errors="backslashreplace")
    return page


def as_json(found: Inspection) -> dict[str, Any]:
    """The inspection as plain values, without the length of every single text."""
    record = {
        field.name: getattr(found, field.name)
        for field in dataclasses.fields(found)
        if field.name not in ("token_lengths", "character_lengths", "co_occurrence")
    }
    names = [label.value for label in LABELS]
    table = [[None if math.isnan(cell) else cell for cell in row] for row in found.co_occurrence]
    record["co_occurrence"] = {
        name: dict(zip(names, row, strict=True)) for name, row in zip(names, table, strict=True)
    }
    plain: dict[str, Any] = json.loads(json.dumps(record, default=dataclasses.asdict))
    return plain


def markdown(found: Inspection) -> str:
    """The page; it expects the pictures beside it."""
    parts = [
        f"# What is in {Path(found.source).name}",
        _summary(found),
        "## Labels",
        _labels(found),
        "## Labels that come together",
        _together(found),
        "## How long the texts are",
        _length_section(found),
        "## Repeated texts",
        _duplicates(found),
        "## One text, different labels",
        _conflicts(found),
        "## Rows left out",
        _left_out(found),
        "## Worth a look",
        _worth_a_look(found),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _pictures(found: Inspection, directory: Path) -> None:
    names = [label.value for label in LABELS]
    labelled = [one for one in found.combinations if one.labels]
    plots.bars(
        directory / "labels.png",
        "Rows with each label",
        {name: found.labels[Label(name)].used for name in names},
        unit="rows that training uses",
    )
    plots.bars(
        directory / "combinations.png",
        "The commonest combinations of labels (rows without a label left out)",
        {_joined(one.labels): one.rows for one in labelled[:BARS]},
        unit="rows",
    )
    plots.heatmap(
        directory / "co_occurrence.png",
        "Rows with one label: how many of them have the other",
        names,
        names,
        found.co_occurrence * 100,
        format="{:.0f}%",
        x="have this label too",
        y="rows with this label",
    )
    for unit, lengths, values, marks in (
        ("tokens", found.tokens, found.token_lengths, {"limit": float(found.max_tokens)}),
        ("characters", found.characters, found.character_lengths, {}),
    ):
        points = lengths.percentiles
        plots.histogram(
            directory / f"{unit}.png",
            f"How many {unit} a text has",
            values,
            unit=f"{unit} (logarithmic)",
            marks=marks | {"median": points[50], "99% are no longer than": points[99]},
            log=True,
            y="texts",
        )


def _summary(found: Inspection) -> str:
    rarest = min(LABELS, key=lambda label: found.labels[label].used)
    common = max(LABELS, key=lambda label: found.labels[label].used)
    with_label = found.used - found.unlabelled.used
    weighted = (
        f" ({1 - found.unlabelled.weighted_share:.1%} under the prior weights)"
        if found.weighted
        else ""
    )
    cut = found.tokens.longer_than[found.max_tokens]
    lines = [
        f"**{found.used:,} of {found.rows:,} rows** can be used; "
        f"{len(found.left_out):,} are left out, each with its reason.",
        f"**{with_label:,} rows have a label**, {with_label / found.used:.1%} of those used"
        f"{weighted}. The commonest is `{common}` ({found.labels[common].used:,}), the rarest "
        f"`{rarest}` ({found.labels[rarest].used:,}).",
        f"**{cut:.1%} of the texts are cut** at `base.max_tokens = {found.max_tokens}`; half have "
        f"{found.tokens.percentiles[50]:,} tokens or fewer.",
        f"Texts that repeat: **{len(found.duplicates):,}**. "
        f"Texts whose rows contradict each other: **{len(found.conflicts):,}**.",
    ]
    thin = [label.value for label in LABELS if found.labels[label].in_validation < FEW]
    if thin:
        lines.append(
            f"**Few to measure with**: of {', '.join(f'`{name}`' for name in thin)}, a validation "
            f"part of {found.validation_share:.0%} holds fewer than {FEW} rows, so their figures "
            "will be mostly luck."
        )
    return "\n".join(f"- {line}" for line in lines)


def _labels(found: Inspection) -> str:
    def row(name: str, count: LabelCount) -> list[str]:
        weighted = [f"{count.weighted_share:.2%}"] if found.weighted else []
        return [
            name,
            f"{count.in_file:,}",
            f"{count.used:,}",
            f"{count.share:.2%}",
            *weighted,
            f"{count.in_validation:,.0f}",
        ]

    head = ["label", "rows in the file", "used", "share"]
    head += ["under prior weights"] if found.weighted else []
    rows = [row(f"`{label}`", found.labels[label]) for label in LABELS]
    rows.append(row(NO_LABEL, found.unlabelled))
    head.append(f"in a validation part of {found.validation_share:.0%}")
    return "![Rows with each label](labels.png)\n\n" + table_of(head, rows)


def _together(found: Inspection) -> str:
    head = ["labels", "rows", "share", *(["under prior weights"] if found.weighted else [])]
    rows = [
        [
            _joined(one.labels),
            f"{one.rows:,}",
            f"{one.share:.2%}",
            *([f"{one.weighted_share:.2%}"] if found.weighted else []),
        ]
        for one in found.combinations
    ]
    single = sum(one.rows == 1 for one in found.combinations)
    note = (
        f"{len(found.combinations)} combinations occur, {single} of them in one row only "
        "(such a row always goes to the training part)."
    )
    return (
        "![Of the rows with one label, the share that has another](co_occurrence.png)\n\n"
        f"![The commonest combinations](combinations.png)\n\n{note}\n\n{table_of(head, rows)}"
    )


def _length_section(found: Inspection) -> str:
    tokens, characters = found.tokens, found.characters
    points = [("longest" if at == 100 else f"{at}%") for at in tokens.percentiles]
    shares = table_of(
        ["limit", *(f"{limit}" for limit in tokens.longer_than)],
        [["texts cut", *(f"{share:.1%}" for share in tokens.longer_than.values())]],
    )
    lengths = table_of(
        ["so many are no longer than", *points],
        [
            [unit, *(f"{length:,}" for length in one.percentiles.values())]
            for unit, one in (("tokens", tokens), ("characters", characters))
        ],
    )
    return "\n\n".join(
        [
            f"Tokens are those of `{found.checkpoint}` on the plain view of the text, the special "
            "ones included.",
            "![Tokens in a text](tokens.png)",
            lengths,
            shares,
            _medians(tokens, characters),
            "![Characters in a text](characters.png)",
        ]
    )


def _medians(tokens: Lengths, characters: Lengths) -> str:
    if tokens.labelled_median is None or tokens.unlabelled_median is None:
        return ""
    return (
        f"The median row with a label has {tokens.labelled_median:,} tokens "
        f"({characters.labelled_median:,} characters), the median row without one "
        f"{tokens.unlabelled_median:,} ({characters.unlabelled_median:,})."
    )


def _duplicates(found: Inspection) -> str:
    if not found.duplicates:
        return "None."
    more = sum(len(group.rows) - 1 for group in found.duplicates)
    note = (
        "Texts that occur more than once, always with the same labels: "
        f"{len(found.duplicates):,}. (Texts that differ only in case, white space and Unicode form "
        f"are the same.) The first row of each is used; {more:,} further rows are not."
    )
    rows = [
        [
            f"{len(group.rows):,}",
            _numbers(group.rows),
            _joined(group.labels[0]),
            _excerpt(group.text),
        ]
        for group in found.duplicates[:SHOWN]
    ]
    table = table_of(["times", "rows", "labels", "text"], rows, figures=False)
    return f"{note}\n\n{table}{_rest(len(found.duplicates))}"


def _conflicts(found: Inspection) -> str:
    if not found.conflicts:
        return "None."
    rows = sum(len(group.rows) for group in found.conflicts)
    note = (
        f"Texts whose rows contradict each other: {len(found.conflicts):,}. None of their {rows:,} "
        "rows is used: no one knows which to believe."
    )
    table = table_of(
        ["text", "who says what"],
        [[_excerpt(group.text), _sides(group)] for group in found.conflicts[:SHOWN]],
        figures=False,
    )
    return f"{note}\n\n{table}{_rest(len(found.conflicts))}"


def _sides(group: Group) -> str:
    by_labels: dict[tuple[Label, ...], list[int]] = {}
    for row, labels in zip(group.rows, group.labels, strict=True):
        by_labels.setdefault(labels, []).append(row)
    return "; ".join(
        f"{'row' if len(rows) == 1 else 'rows'} {_numbers(rows)}: {_joined(labels)}"
        for labels, rows in by_labels.items()
    )


def _left_out(found: Inspection) -> str:
    if not found.left_out:
        return "None."
    repeated = {row for group in (*found.duplicates, *found.conflicts) for row in group.rows}
    other = [one for one in found.left_out if one.row not in repeated]
    parts = [table_of(["reason", "rows"], [[why, f"{n:,}"] for why, n in found.reasons.items()])]
    if other:
        listed = [[str(one.row), _excerpt(one.id), one.reason] for one in other[:SHOWN]]
        parts.append("Those that repeat no other row:")
        parts.append(table_of(["row", "id", "reason"], listed, figures=False) + _rest(len(other)))
    return "\n\n".join(parts)


def _worth_a_look(found: Inspection) -> str:
    note = f"{found.non_ascii:.1%} of the texts have a character outside ASCII."
    if not found.suspicions:
        return f"{note} Nothing else is odd."

    def row(one: Suspicion) -> list[str]:
        examples = ", ".join(_excerpt(text, 40) for text in one.examples)
        return [one.why, f"{len(one.rows):,}", _numbers(one.rows), examples]

    columns = ["what", "rows", "which", "such as"]
    table = table_of(columns, [row(one) for one in found.suspicions], figures=False)
    return f"{note} These rows are used all the same.\n\n{table}"


def _rest(count: int) -> str:
    return "" if count <= SHOWN else f"\n\n{count - SHOWN:,} more are in `inspection.json`."


def _joined(labels: Sequence[Label]) -> str:
    return ", ".join(label.value for label in labels) or NO_LABEL


def _numbers(rows: Sequence[int]) -> str:
    named = ", ".join(str(row) for row in rows[:ROWS_NAMED])
    return named if len(rows) <= ROWS_NAMED else f"{named}, …"


def _excerpt(text: str, length: int = EXCERPT) -> str:
    """The beginning of a text as code, so that nothing in it acts as Markdown."""
    flat = " ".join(text.split())
    flat = flat if len(flat) <= length else flat[: length - 1] + "…"
    seen = "".join(character if character.isprintable() else "·" for character in flat)
    # Even in code, a bar ends the cell of a table and a backtick ends the code.
    return f"`{seen.replace('`', 'ˋ').replace('|', chr(92) + '|')}`" if seen else "(empty)"
