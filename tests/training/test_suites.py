"""What a suite measures, and what it says about a file that it cannot use."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from bot.labels import LABELS, Scores
from bot.screening.model import Model, load_model
from training.__main__ import main
from training.suite_files import Function
from training.suites import (
    Suite,
    SuiteError,
    load_either,
    load_suite,
    load_templates,
    markdown,
    measure_suite,
    run_suite,
    run_templates,
)

CASES = """
[[functions]]
name = "insults"
about = "Somebody is insulted."
abusive = true
texts = ["what an idiot", "you scum", "you utter spoon"]

[[functions]]
name = "greetings"
about = "Somebody is greeted."
abusive = false
texts = ["good morning", "hello, you damn fine people"]
"""
TEMPLATES = """
harmless = ["{a_term} guest came.", "My aunt is {term}."]
toxic = ["{term} people are scum.", "Nobody likes {a_term} spoon."]

[[terms]]
group = "senses"
words = ["a deaf", "a blind"]

[[terms]]
group = "race"
words = ["an Asian"]
"""
BALANCED = dict.fromkeys((label.value for label in LABELS), 0.7)


def write(directory: Path, text: str, name: str = "own.toml") -> Path:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> Model:
    return load_model(str(tiny_model), threads=1)


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["suite", *map(str, arguments)])


# --- measuring ---


def test_shares_are_counted_per_function_and_per_kind(tmp_path: Path) -> None:
    suite = load_suite(write(tmp_path, CASES))
    found = measure_suite([True, True, False, False, True], suite)
    assert found["functions"]["insults"]["right"] == pytest.approx(2 / 3)
    assert found["functions"]["greetings"]["right"] == pytest.approx(1 / 2)
    assert found["overall"] == pytest.approx(3 / 5)
    assert found["abusive"] == pytest.approx(2 / 3)
    assert found["harmless"] == pytest.approx(1 / 2)
    assert found["mean_over_functions"] == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_a_kind_without_cases_has_no_share() -> None:
    one = Suite("one", (Function("insults", "Insults.", True, ("a", "b")),))
    found = measure_suite([True, False], one)
    assert found["harmless"] is None
    assert found["abusive"] == found["overall"] == 0.5


def test_as_many_flags_as_cases_are_needed(tmp_path: Path) -> None:
    suite = load_suite(write(tmp_path, CASES))
    with pytest.raises(SuiteError, match="own: 4 flags for 5 cases"):
        measure_suite([True] * 4, suite)


@given(st.lists(st.tuples(st.booleans(), st.lists(st.booleans(), min_size=1)), min_size=1))
def test_turning_every_flag_turns_every_share(functions: list[tuple[bool, list[bool]]]) -> None:
    suite = Suite(
        "drawn",
        tuple(
            Function(f"f{at}", "Drawn.", abusive, tuple(f"{at} {n}" for n in range(len(flags))))
            for at, (abusive, flags) in enumerate(functions)
        ),
    )
    flagged = [flag for _, flags in functions for flag in flags]
    found = measure_suite(flagged, suite)
    turned = measure_suite([not flag for flag in flagged], suite)
    for name in ("overall", "harmless", "abusive", "mean_over_functions"):
        if found[name] is None:
            assert turned[name] is None
        else:
            assert found[name] + turned[name] == pytest.approx(1)
    right = sum(one["right"] * one["cases"] for one in found["functions"].values())
    assert right / found["cases"] == pytest.approx(found["overall"])
    assert measure_suite(suite.abusive, suite)["overall"] == 1


# --- running ---


def test_a_model_is_flagged_by_any_label_at_its_threshold(model: Model, tmp_path: Path) -> None:
    suite = load_suite(write(tmp_path, CASES))
    report = run_suite(model, suite, BALANCED)
    assert report["model"] == "tiny-1"
    assert report["overall"] == pytest.approx(3 / 5)
    insults, greetings = report["functions"]["insults"], report["functions"]["greetings"]
    assert [one["text"] for one in insults["failures"]] == ["you utter spoon"]
    assert insults["failures"][0]["labels_over"] == []
    assert [one["text"] for one in greetings["failures"]] == ["hello, you damn fine people"]
    assert greetings["failures"][0]["labels_over"] == ["obscene"]
    forgiving = run_suite(model, suite, BALANCED | {"obscene": 0.99})
    assert forgiving["functions"]["greetings"]["failures"] == []


def fixed(scores: dict[str, float]) -> Any:
    """A model with one number for all labels of each text."""
    return SimpleNamespace(
        version="fixed",
        score=lambda texts: [Scores.from_sequence([scores[text]] * 6) for text in texts],
    )


def test_a_score_at_the_threshold_flags_and_the_worst_failure_comes_first() -> None:
    suite = Suite(
        "edge",
        (
            Function("calm", "Calm.", False, ("at", "below", "above", "far above")),
            Function("angry", "Angry.", True, ("a little under", "far under")),
        ),
    )
    scores = {"at": 0.7, "below": 0.69, "above": 0.8, "far above": 0.95}
    scores |= {"a little under": 0.6, "far under": 0.1}
    report = run_suite(fixed(scores), suite, BALANCED)
    calm, angry = report["functions"]["calm"], report["functions"]["angry"]
    assert [one["text"] for one in calm["failures"]] == ["far above", "above", "at"]
    assert [one["text"] for one in angry["failures"]] == ["far under", "a little under"]


def test_a_blind_suite_gives_its_shares_and_not_its_failures() -> None:
    suite = Suite("blind", (Function("calm", "Calm.", False, ("a", "b")),), blind=True)
    report = run_suite(fixed({"a": 0.9, "b": 0.1}), suite, BALANCED)
    assert report["functions"]["calm"]["right"] == 0.5
    assert report["functions"]["calm"]["failures"] == []
    assert "## calm" not in markdown(report)


def test_every_label_needs_a_threshold(model: Model, tmp_path: Path) -> None:
    suite = load_suite(write(tmp_path, CASES))
    thresholds = {label: one for label, one in BALANCED.items() if label != "threat"}
    with pytest.raises(SuiteError, match="none for threat"):
        run_suite(model, suite, thresholds)


def test_the_page_shows_shares_and_at_most_three_failures() -> None:
    texts = ("hi ``` there", "two\nlines", "c", "d")
    suite = Suite("page", (Function("calm", "All is calm.", False, texts),))
    page = markdown(
        run_suite(fixed(dict(zip(texts, (0.99, 0.98, 0.9, 0.8), strict=True))), suite, BALANCED)
    )
    assert "| calm | no | 4 | 0.000 |" in page
    assert "All is calm. 4 flagged:" in page
    failures = [line for line in page.splitlines() if line.startswith("- ")]
    assert len(failures) == 3
    assert failures[0].startswith("- ```` hi ``` there ```` (toxic")
    assert failures[1].startswith("- `two⏎lines`")


# --- templates ---


def test_templates_are_filled_with_every_term(tmp_path: Path) -> None:
    suite = load_templates(write(tmp_path, TEMPLATES)).suite()
    by_name = {function.name: function for function in suite.functions}
    assert by_name["harmless_senses"].texts == (
        "A deaf guest came.",
        "My aunt is deaf.",
        "A blind guest came.",
        "My aunt is blind.",
    )
    assert by_name["toxic_race"].texts == ("Asian people are scum.", "Nobody likes an Asian spoon.")
    assert by_name["toxic_race"].abusive
    assert not by_name["harmless_race"].abusive


def test_a_model_blind_to_the_group_has_no_bias(model: Model, tmp_path: Path) -> None:
    report = run_templates(model, load_templates(write(tmp_path, TEMPLATES)), BALANCED)
    assert report["harmless"] == 1
    assert report["abusive"] == pytest.approx(1 / 2)
    # Half of the toxic sentences rank over the harmless ones, half are level with them.
    for term in ("deaf", "blind", "Asian"):
        assert set(report["bias"]["terms"][term].values()) == {2, 0.75}
    assert report["bias"]["overall"]["bpsn_auc"] == pytest.approx(0.75)
    assert "| Asian | 0.750 | 0.750 | 0.750 |" in markdown(report)


def test_a_model_that_minds_a_group_is_caught(tmp_path: Path) -> None:
    templates = load_templates(write(tmp_path, TEMPLATES))
    scores = {
        text: 0.9 if "deaf" in text.lower() else 0.8 if abusive else 0.1
        for text, abusive in zip(templates.suite().texts, templates.suite().abusive, strict=True)
    }
    bias = run_templates(fixed(scores), templates, BALANCED)["bias"]["terms"]
    assert bias["deaf"]["bpsn_auc"] == 0
    assert bias["deaf"]["bnsp_auc"] == 1
    assert bias["Asian"]["subgroup_auc"] == 1


def test_one_term_alone_has_no_background(model: Model, tmp_path: Path) -> None:
    alone = TEMPLATES.partition("[[terms]]")[0] + '[[terms]]\ngroup = "age"\nwords = ["an old"]\n'
    report = run_templates(model, load_templates(write(tmp_path, alone)), BALANCED)
    json.dumps(report, allow_nan=False)
    assert report["bias"]["terms"]["old"]["subgroup_auc"] == 0.75


# --- files that cannot be used ---


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"you scum"', '"What an IDIOT"', "the case 'What an IDIOT' is there twice"),
        ('"you scum"', '" "', r"entry 1 \(insults\), texts, entry 2 = ' ': a text is needed"),
        ('"you scum"', "7", r"entry 1 \(insults\), texts, entry 2 = 7"),
        ("abusive = false", "abusive = 0", r"entry 2 \(greetings\), abusive = 0"),
        ("abusive = false", "", r"entry 2 \(greetings\), abusive: is missing"),
        (
            "abusive = false",
            "abusive = false\nrude = true",
            r"\(greetings\), rude = True: there is no",
        ),
        ('name = "greetings"', 'name = "insults"', "the function 'insults' is there twice"),
        ('name = "greetings"', 'name = "Bad Name"', r"entry 2 \(Bad Name\), name = 'Bad Name'"),
        ("\n[[functions]]", 'name = "mine"\n[[functions]]', "name: there is no such setting"),
        ("texts = [", "texts = ", "not TOML"),
        ('["what an idiot", "you scum", "you utter spoon"]', "[]", "texts: at least one is needed"),
        (
            '["what an idiot", "you scum", "you utter spoon"]',
            "'x'",
            "texts = 'x': a list is needed",
        ),
    ],
)
def test_a_bad_suite_is_refused_by_its_place(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    path = write(tmp_path, CASES.replace(before, after, 1))
    with pytest.raises(SuiteError, match=said) as refused:
        load_suite(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("My aunt is {term}.", "My aunt is old.", r"harmless, entry 2 = .*a template holds"),
        ("My aunt is {term}.", "My {aunt} is {term}.", r"harmless, entry 2 = .*no other braces"),
        ('"an Asian"', '"Asian"', r"terms, entry 2 \(race\), words, entry 1 = 'Asian'.*article"),
        ('"an Asian"', '"a Deaf"', "the term 'Deaf' is there twice"),
        ('"an Asian"', '"a deaf-blind"', "the term 'deaf' is also found in 'deaf-blind'"),
        ('"an Asian"', '"a spoon"', "the term 'spoon' is also found in 'Nobody likes"),
        ('group = "race"', 'group = "senses"', "the group 'senses' is there twice"),
        ("[[terms]]", "rude = 1\n[[terms]]", "rude = 1: there is no such setting"),
    ],
)
def test_bad_templates_are_refused_by_their_place(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    with pytest.raises(SuiteError, match=said):
        load_templates(write(tmp_path, TEMPLATES.replace(before, after, 1)))


def test_an_empty_or_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"empty\.toml: functions: is missing"):
        load_either(write(tmp_path, "", "empty.toml"))
    with pytest.raises(SuiteError, match="cannot be read: No such file"):
        load_either(tmp_path / "none.toml")


# --- the command ---


def test_the_command_writes_figures_and_pages(tiny_model: Path, tmp_path: Path) -> None:
    cases, templates = write(tmp_path, CASES), write(tmp_path, TEMPLATES, "groups.toml")
    out = tmp_path / "out"
    done = invoke("--model", tiny_model, "--suite", cases, "--suite", templates, "--out", out)
    assert done.exit_code == 0, done.output
    report = json.loads((out / "own.json").read_text(encoding="utf-8"))
    assert report["preset"] == "balanced"
    assert report["overall"] == pytest.approx(3 / 5)
    assert report["thresholds"] == BALANCED
    assert json.loads((out / "groups.json").read_text(encoding="utf-8"))["bias"]
    for page in ("own.md", "groups.md"):
        assert (out / page).read_text(encoding="utf-8") in done.output


def test_the_preset_decides(tiny_model: Path, tmp_path: Path) -> None:
    cases = write(tmp_path, CASES.replace("you utter spoon", "how rude"))
    for preset, share in (("strict", 1.0), ("relaxed", 2 / 3)):
        out = tmp_path / preset
        invoke("--model", tiny_model, "--preset", preset, "--suite", cases, "--out", out)
        report = json.loads((out / "own.json").read_text(encoding="utf-8"))
        assert report["abusive"] == pytest.approx(share)


def test_without_options_all_suites_run_into_the_runs_folder(tiny_model: Path) -> None:
    done = invoke("--model", tiny_model)
    assert done.exit_code == 0, done.output
    out = Path("runs/suites") / tiny_model.name
    names = {"chat", "controls", "identity", "blind_groups", "blind_chat"}
    assert {path.stem for path in out.glob("*.md")} == names


def test_the_command_tells_what_is_wrong_in_one_line(tiny_model: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    first, second = write(tmp_path, CASES), write(again, CASES)
    done = invoke("--model", tiny_model, "--suite", first, "--suite", second)
    assert done.exit_code == 1
    assert done.output == "Error: two suites are called 'own'; rename one of the files\n"
    empty = tmp_path / "empty"
    empty.mkdir()
    done = invoke("--model", empty, "--suite", first)
    assert done.exit_code == 1
    assert "holds neither manifest.json" in done.output
