"""What keeps a file of settings from being taken: sentences with the place and a way out."""

from __future__ import annotations

from bot.chat.commands import clip
from bot.chat.rule_options import ACTIONS
from bot.labels import LABELS
from bot.language import languages, tr, trn
from bot.rules import MOST_FLAGS, Mode
from bot.screening.artifact import PRESET_NAMES
from bot.storage.privacy import MOST_EXCERPT_DAYS, MOST_RETENTION_DAYS
from bot.storage.server_settings import (
    LONGEST_NOTICE,
    MOST_EXEMPTIONS,
    MOST_PLACES,
    MOST_STEPS,
    NoticeWay,
)
from bot.storage.settings_document import BadFile, Problem, ProblemKind
from bot.storage.settings_shape import VERSION

# A message takes 2,000, and the last line has to fit as well.
_MOST_CHARACTERS = 1_900


def in_sentences(bad: BadFile) -> str:
    """Everything that is wrong with a file, and that nothing came of it."""
    text = tr("This file cannot be imported, and nothing was changed:")
    others = len(bad.problems) + bad.others
    for problem in bad.problems:
        line = f"\n- {_sentence(problem)}"
        if len(text) + len(line) > _MOST_CHARACTERS:
            break
        text += line
        others -= 1
    if not others:
        return text
    rest = trn("- And {count} more problem.", "- And {count} more problems.", others)
    return f"{text}\n{rest}"


def _sentence(problem: Problem) -> str:
    place = clip(problem.place, 100)
    match problem.kind:
        case ProblemKind.NO_TEXT if problem.value:
            return tr("It is written in {encoding}. Save it as UTF-8.", encoding=problem.value)
        case ProblemKind.NO_TEXT:
            return tr("It is not UTF-8: look at line {line}.", line=place)
        case ProblemKind.TOO_DEEP:
            return tr("More brackets are open than settings have: look at line {line}.", line=place)
        case ProblemKind.NO_SETTINGS:
            return tr(
                "It holds {value} and not settings between curly brackets. Take a file that "
                "`/settings export` has made.",
                value=clip(problem.value),
            )
        case ProblemKind.TWICE:
            return tr("“{place}” stands there twice. Keep one of the two.", place=place)
        case ProblemKind.NO_JSON:
            return tr("It is no JSON: look at line {line}.", line=place)
        case ProblemKind.VERSION if not problem.value:
            return tr(
                "“hexward_settings” is missing; it must be {version}. Take a file that `/settings "
                "export` has made.",
                version=VERSION,
            )
        case ProblemKind.VERSION:
            return tr(
                "“hexward_settings” is {value}, and this Hexward reads only {version}.",
                value=clip(problem.value),
                version=VERSION,
            )
        case ProblemKind.NO_ID:
            return tr(
                "“{place}” does not end with an id. Put the id of a channel there, or take it out "
                "of the file.",
                place=place,
            )
        case ProblemKind.NO_LABEL:
            return tr(
                "“{place}” is no label. The labels are: {labels}.",
                place=place,
                labels=", ".join(LABELS),
            )
        case ProblemKind.UNKNOWN:
            return tr("“{place}” is not a setting. Take it out of the file.", place=place)
        case ProblemKind.MISSING:
            return tr("“{place}” is missing.", place=place)
        case _:
            return tr(
                "“{place}” cannot be {value}. Possible: {possible}.",
                place=place,
                value=clip(problem.value),
                possible=_possible(problem.place.split(".")),
            )


def _possible(steps: list[str]) -> str:
    """What may stand at a place of the file."""
    match steps:
        case ["preset"]:
            return ", ".join(PRESET_NAMES)
        case ["mode"]:
            return ", ".join(Mode)
        case ["language"]:
            return tr("null, or one of {languages}", languages=", ".join(languages()))
        case [*_, "thresholds", _]:
            return tr("a number from 0 to 1")
        case [*_, "thresholds"]:
            return tr("curly brackets with labels, each with a number from 0 to 1")
        case [*_, "actions"]:
            return tr(
                "curly brackets with labels, each with “action” ({actions}) between curly brackets",
                actions=", ".join(ACTIONS),
            )
        case [*_, "action"]:
            return ", ".join(ACTIONS)
        case [*_, "timeout_s"]:
            return tr("a whole number of seconds, from a minute to 28 days")
        case [*_, "actions", _]:
            return tr(
                "curly brackets with “action” ({actions}), and with “timeout_s” if it is a timeout "
                "and only then",
                actions=", ".join(ACTIONS),
            )
        case [*_, "window_s"]:
            return tr("a whole number of seconds, from a minute to a year")
        case [*_, "flags"]:
            return tr("a whole number from 1 to {most}", most=MOST_FLAGS)
        case ["escalation"]:
            return tr(
                "square brackets with at most {most} steps, each with its own number of flags",
                most=MOST_STEPS,
            )
        case ["escalation", _]:
            return tr("curly brackets with “flags”, “window_s” and “timeout_s”")
        case ["notice"]:
            return tr("curly brackets with “way” and “text”")
        case ["notice", "way"]:
            return ", ".join(NoticeWay)
        case ["notice", "text"]:
            return tr("null, or a text of 1 to {most} characters", most=LONGEST_NOTICE)
        case ["privacy", "retention_days"]:
            return tr("a whole number from 1 to {most}", most=MOST_RETENTION_DAYS)
        case ["privacy", "excerpt_days"]:
            return tr("null, or a whole number from 1 to {most}", most=MOST_EXCERPT_DAYS)
        case ["privacy"]:
            return tr("curly brackets with “retention_days” and “excerpt_days”")
        case ["channels"]:
            return tr(
                "curly brackets with the ids of at most {most} channels, each with “thresholds” "
                "and “actions” between curly brackets",
                most=MOST_PLACES,
            )
        case ["channels", _]:
            return tr("curly brackets with “thresholds” and “actions”")
        case ["exempt"]:
            return tr("curly brackets with “moderators”, “bots”, “roles” and “channels”")
        case ["exempt", "roles" | "channels"]:
            return tr(
                "square brackets with at most {most} ids, each between quotation marks",
                most=MOST_EXEMPTIONS,
            )
        case ["screening"]:
            return tr("curly brackets with “titles” and “names”")
        case ["log_channel"] | ["server"] | ["exempt", "roles" | "channels", _]:
            return tr("an id between quotation marks")
        case ["exempt", _] | ["screening", _]:
            return "true, false"
        case _:
            return tr("what `/settings export` writes there")
