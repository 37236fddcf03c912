"""Unintended bias: is a text held to be toxic for the group that it names?

The three AUCs of Borkan et al. 2019, "Nuanced Metrics for Measuring Unintended Bias with Real Data
for Text Classification". Each compares texts that name a group with the rest, the background:

- *subgroup AUC*: toxic against harmless texts, both naming the group;
- *BPSN AUC* (background positive, subgroup negative): low where harmless texts that name the group
  score like toxic ones that do not;
- *BNSP AUC* (background negative, subgroup positive): low where toxic texts that name the group
  score like harmless ones that do not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from bot.labels import LABELS, Label
from training.bias_aucs import Flags, ThreeAucs
from training.bootstrap import Interval, Share, named_intervals, resamples
from training.calibrate import Curve
from training.data import Floats, plain
from training.scoring import Score

AT_LEAST = 10  # texts of either class below which a term's AUC is luck
POWER = -5.0
AUCS = ("subgroup_auc", "bpsn_auc", "bnsp_auc")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class TermBias:
    """What naming one group does to the scores.

    Attributes
    ----------
    toxic, harmless
        Texts that name it, of either class.
    subgroup_auc, bpsn_auc, bnsp_auc
        NaN where the background lacks the class that is needed.
    """

    toxic: int
    harmless: int
    subgroup_auc: float
    bpsn_auc: float
    bnsp_auc: float


@dataclass(frozen=True, slots=True)
class TooFew:
    """A term that is left out, because fewer than ``at_least`` texts of a class name it."""

    toxic: int
    harmless: int


@dataclass(frozen=True, slots=True)
class Bias:
    """The bias by term, and over all terms.

    Attributes
    ----------
    terms
        By term, in the order asked for.
    left_out
        Terms with too few texts of either class.
    overall
        The generalised mean (power -5) of each AUC over the terms: near the worst of them, NaN
        where no term has it. None without a term.
    at_least
        Toxic and harmless texts that a term needs.
    intervals, overall_interval
        Of each term's AUCs and of the overall ones, where they were asked for.
    """

    terms: dict[str, TermBias]
    left_out: dict[str, TooFew]
    overall: dict[str, float] | None
    at_least: int
    intervals: dict[str, dict[str, Interval]] = field(default_factory=dict)
    overall_interval: dict[str, Interval] = field(default_factory=dict)


def measure_bias(
    texts: Sequence[str],
    scores: Floats | Curve,
    truth: Floats,
    weights: Floats,
    terms: Sequence[str],
    *,
    at_least: int = AT_LEAST,
    count: int = 0,
    seed: int = 17,
) -> Bias:
    """The three AUCs by term, with percentile bootstrap intervals over the rows.

    The terms are those that the rows name often enough; a resample does not choose them anew.

    Parameters
    ----------
    texts
        A term is found in the plain view of a text, in whole words, whatever the case.
    scores, truth, weights
        [rows], of one label.
    terms
        Words, or several words separated by a space.
    at_least
        Toxic and harmless texts that a term needs.
    count
        Resamples, drawn as `training.bootstrap.intervals` does; 0 leaves the intervals out.
    seed
        Of the draws.
    """
    named: dict[str, Flags] = {}
    classes: dict[str, TooFew] = {}
    for term, member in mentions(texts, terms).items():
        toxic = int((truth[member] > 0).sum())
        classes[term] = TooFew(toxic, int(member.sum()) - toxic)
        if min(classes[term].toxic, classes[term].harmless) >= at_least:
            named[term] = member
    aucs = ThreeAucs(scores, truth, list(named.values()))
    found = aucs.measure(weights)
    bias = Bias(
        {
            term: TermBias(classes[term].toxic, classes[term].harmless, *each)
            for term, each in zip(named, found.tolist(), strict=True)
        },
        {term: one for term, one in classes.items() if term not in named},
        dict(zip(AUCS, _power_mean(found).tolist(), strict=True)) if named else None,
        at_least,
    )
    if not (named and count):
        return bias
    drawn = np.array([aucs.measure(each) for each in resamples(weights, count, seed)])
    return replace(
        bias,
        intervals={term: named_intervals(AUCS, drawn[:, at]) for at, term in enumerate(named)},
        overall_interval=named_intervals(AUCS, _power_mean(drawn)),
    )


@dataclass(frozen=True, slots=True)
class TermTemplates:
    """What one term does to template sentences that are the same for all terms.

    Attributes
    ----------
    flagged
        Harmless sentences that are flagged, by any label.
    caught
        Toxic ones that are.
    subgroup_auc, bpsn_auc, bnsp_auc
        Of ``toxic``, over all sentences; NaN where the other terms lack the class.
    """

    flagged: Share
    caught: Share
    subgroup_auc: float
    bpsn_auc: float
    bnsp_auc: float


@dataclass(frozen=True, slots=True)
class TemplateBias:
    """The bias on template sentences, by term and over all; ``overall`` is that of `Bias`."""

    terms: dict[str, TermTemplates]
    flagged: Share
    caught: Share
    overall: dict[str, float] | None


def measure_templates(
    texts: Sequence[str],
    toxic: Sequence[bool],
    terms: Sequence[str],
    thresholds: Mapping[str, float],
    score: Score,
) -> TemplateBias:
    """Who is flagged by whom a sentence names.

    The AUCs have no intervals: sentences that differ in one word are no independent draws.

    Parameters
    ----------
    texts
        Sentences of which each names one of the terms.
    toxic
        [texts]: whether the sentence is to be flagged.
    terms
        As `measure_bias` takes them; one without both a toxic and a harmless sentence is left out.
    thresholds
        By label.
    score
        What scores the sentences.
    """
    scores = score(texts, "templates")
    over = (scores >= np.array([thresholds[label] for label in LABELS])).any(axis=1)
    wanted = np.array(toxic, dtype=np.bool_)
    truth, weights = wanted.astype(np.float32), np.ones(len(texts), dtype=np.float32)
    first = scores[:, LABELS.index(Label.TOXIC)]
    bias = measure_bias(texts, first, truth, weights, terms, at_least=1)
    members = mentions(texts, list(bias.terms))
    return TemplateBias(
        {
            term: TermTemplates(
                Share(int((over & ~wanted & members[term]).sum()), one.harmless),
                Share(int((over & wanted & members[term]).sum()), one.toxic),
                *(getattr(one, name) for name in AUCS),
            )
            for term, one in bias.terms.items()
        },
        Share(int((over & ~wanted).sum()), int((~wanted).sum())),
        Share(int((over & wanted).sum()), int(wanted.sum())),
        bias.overall,
    )


def mentions(texts: Sequence[str], terms: Sequence[str]) -> dict[str, Flags]:
    """For each term, which texts name it: [rows]."""
    # Words between single spaces: a term in spaces is then found as whole words.
    worded = [f" {_words(plain(text))} " for text in texts]
    return {
        term: np.array([f" {_words(term)} " in text for text in worded], dtype=np.bool_)
        for term in terms
    }


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))


def _power_mean(aucs: Curve) -> Curve:
    """Over the terms of [..., terms, AUCs], those that are numbers; NaN of none."""
    known = np.isfinite(aucs)
    # An AUC of 0 has no negative power; its mean is 0 all the same.
    with np.errstate(divide="ignore", invalid="ignore"):
        powers = np.where(known, aucs, np.inf) ** POWER
        mean: Curve = (powers.sum(axis=-2) / known.sum(axis=-2)) ** (1 / POWER)
    return mean
