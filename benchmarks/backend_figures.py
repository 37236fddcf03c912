"""What `benchmarks.backends` found, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import geometric_mean

from benchmarks.backend_sides import Arrangement, Loaded, Rests, Shape, Way
from benchmarks.figures import Spread
from benchmarks.table import Row
from training.markdown import table_of


@dataclass(frozen=True, slots=True)
class Cell:
    """One way with one batch and one arrangement of the threads."""

    way: str
    shape: Shape
    arrangement: Arrangement
    token_s: list[float]
    """Of every turn."""

    @property
    def median_us(self) -> float:
        """Microseconds a token."""
        return 1e6 * Spread.of(self.token_s).median


@dataclass(frozen=True, slots=True)
class Timed:
    """Ways beside each other.

    Attributes
    ----------
    title, note
        Over and under the tables.
    default
        The way that the others are compared with.
    left_out
        One sentence for each way that could not be run here.
    """

    title: str
    note: str
    default: str
    ways: tuple[Way, ...]
    cells: tuple[Cell, ...]
    left_out: tuple[str, ...] = ()

    def rows(self) -> Iterator[Row]:
        """How the ways compare with the default, in few words."""
        yield from ()

    def ratio(self, way: str, arrangement: Arrangement) -> float | None:
        """How many times the default's time a way takes: the geometric mean over all batches."""
        found = self._medians(arrangement)
        if way not in found or self.default not in found:
            return None
        mine, theirs = found[way], found[self.default]
        return geometric_mean([mine[shape] / theirs[shape] for shape in theirs if shape in mine])

    def sections(self) -> Iterator[str]:
        """A table for each arrangement of the threads."""
        yield f"### {self.title}"
        for arrangement in dict.fromkeys(cell.arrangement for cell in self.cells):
            found = self._medians(arrangement)
            shapes = list(dict.fromkeys(shape for row in found.values() for shape in row))
            rows = []
            for way, row in found.items():
                times = self.ratio(way, arrangement)
                rows.append(
                    [
                        way,
                        *(f"{row[shape]:.0f}" if shape in row else "–" for shape in shapes),
                        f"{times:.2f} ×" if times is not None else "–",
                    ]
                )
            head = (f"µs a token, {arrangement}", *map(str, shapes), "the default's time")
            yield table_of(head, rows)
        widest = max(max(cell.token_s) / Spread.of(cell.token_s).median for cell in self.cells)
        turns = len(self.cells[0].token_s)
        yield (
            f"Medians of {turns} turns; the slowest turn of any figure took {widest:.1f} times its "
            f"median. The last column is the mean over all batches. {self.note}".rstrip()
        )
        if self.left_out:
            yield " ".join(self.left_out)

    def _medians(self, arrangement: Arrangement) -> dict[str, dict[Shape, float]]:
        found: dict[str, dict[Shape, float]] = {}
        for cell in self.cells:
            if cell.arrangement == arrangement:
                found.setdefault(cell.way, {})[cell.shape] = cell.median_us
        return found


@dataclass(frozen=True, slots=True)
class Weighed:
    """What each way takes before it gives anything, in a process of its own."""

    loaded: dict[str, list[Loaded]]
    held: dict[str, int]
    """Resident bytes of the whole process once it has run batches of all shapes."""

    def rows(self) -> Iterator[Row]:
        """None: nothing is promised of these."""
        yield from ()

    def sections(self) -> Iterator[str]:
        """One table."""
        rows = []
        for way, each in self.loaded.items():
            import_s = Spread.of([one.import_s for one in each]).median
            load_s = Spread.of([one.load_s for one in each]).median
            came = Spread.of([one.held / 1e6 for one in each]).median
            held = self.held[way] / 1e6
            rows.append((way, f"{import_s:.2f}", f"{load_s:.2f}", f"{came:.0f}", f"{held:.0f}"))
        yield "### Memory and loading\n\n" + table_of(
            ("", "import, s", "load and first batch, s", "came with it, MB", "process, MB"), rows
        )
        yield (
            "Each in a fresh process, files in the system's cache. What came with it is what the "
            "process grew by from before the import to after a first batch of one row; the last "
            "column is the whole process after batches of all sizes, one lane."
        )


@dataclass(frozen=True, slots=True)
class Resting:
    """What ONNX Runtime's own switches cost while calls are rare."""

    pause_s: float
    shape: Shape
    found: dict[str, Rests]
    held: dict[str, int]
    """Resident bytes of a process, by whether memory is kept."""

    def rows(self) -> Iterator[Row]:
        """None: nothing is promised of these."""
        yield from ()

    def sections(self) -> Iterator[str]:
        """Spinning and the memory arena."""
        rows = [
            (name, f"{1e3 * one.call_s:.2f}", f"{1e3 * one.processor_s:.2f}")
            for name, one in self.found.items()
        ]
        yield f"#### Lone calls of {self.shape}, {1e3 * self.pause_s:.0f} ms apart\n\n" + table_of(
            ("", "ms a call", "ms of processor for it"), rows
        )
        yield "#### Memory of the process after batches of all sizes\n\n" + table_of(
            ("", "MB"), [(name, f"{held / 1e6:.0f}") for name, held in self.held.items()]
        )


@dataclass(frozen=True, slots=True)
class Exactness:
    """Whether static int8 gives the same with and without VNNI.

    Attributes
    ----------
    worst
        Graph → `benchmarks.backend_graphs.worst_pair`.
    texts
        That were scored.
    differences
        Instruction set → the largest difference of a logit from that of the whole instruction set,
        by OpenVINO; with the code that it said it used.
    whole
        The code that it used with the whole instruction set.
    """

    worst: Mapping[str, int]
    texts: int
    differences: Mapping[str, tuple[float, str]]
    whole: str
    left_out: Sequence[str] = ()

    def rows(self) -> Iterator[Row]:
        """None: nothing is promised of these."""
        yield from ()

    def sections(self) -> Iterator[str]:
        """What was worked out, what was seen and what was not."""
        limit = 2**15 - 1
        lines = [
            f"- {name}: {worst:,}, so {'nothing is' if worst <= limit else '**sums are**'} cut off"
            for name, worst in self.worst.items()
        ]
        yield (
            "### The same scores without VNNI\n\nWithout VNNI, AVX2 adds two products of 8 bits in "
            f"16 bits, which hold at most {limit:,}. The largest sum that the weights allow:\n\n"
            + "\n".join(lines)
        )
        if self.differences:
            rows = [(name, code, f"{most:.2g}") for name, (most, code) in self.differences.items()]
            yield table_of(
                ("instructions", "code of the products", "largest difference of a logit"), rows
            )
            yield (
                f"Seen with OpenVINO, which runs the same graph, on {self.texts} texts and the "
                f"model that ships; compared with the whole instruction set ({self.whole}). "
                "Not seen with ONNX Runtime, which cannot be restricted."
            )
        if self.left_out:
            yield " ".join(self.left_out)
