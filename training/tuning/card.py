"""The model card of what was trained: what it is, what it was made of, how good it is."""

from collections import Counter
from collections.abc import Sequence

from models.labelled.rows import Row
from training.evaluating.figures import Figures
from training.tuning.making import Trained
from training.tuning.recipe import Recipe
from training.tuning.sets import Sets

NAME = "MODEL_CARD.md"


def write_card(
    name: str,
    encoder: str,
    teacher: str | None,
    sets: Sets,
    recipe: Recipe,
    trained: Trained,
) -> None:
    """To the folder of what was `trained`."""
    taught = [] if teacher is None else [("Teacher", f"`{teacher}`, counts {recipe.taught:.0%}")]
    text = "\n\n".join(
        [
            f"# {name}",
            f"Sorts texts into {len(sets.labels)} classes: {', '.join(sorted(sets.labels))}.",
            _table(
                ("", ""),
                [
                    ("Encoder", f"`{encoder}`, fine-tuned with a new head"),
                    *taught,
                    ("Longest text in training", f"{recipe.max_length} tokens"),
                    ("Trained on", f"{len(sets.training)} texts; {trained.read} were read in all"),
                    ("Label smoothing", f"{recipe.smoothing:g}"),
                    ("Weights", f"moving average, decay {recipe.averaging:g}"),
                    ("Words left out in training", f"{recipe.word_dropout:.0%}"),
                    (
                        "Temperature",
                        f"{trained.temperature:.2f}, chosen on {len(sets.apart)} texts apart",
                    ),
                    ("Taken off the logit of the harmless class", f"{recipe.caution:g} nats"),
                ],
            ),
            "## Sources of the texts",
            _sources(sets.training),
            *[part for told in trained.figures.items() for part in _judged(*told)],
        ]
    )
    (trained.folder / NAME).write_text(text + "\n", encoding="utf-8")


def _sources(rows: Sequence[Row]) -> str:
    counts = Counter((row.source or "-", row.label) for row in rows)
    told = [(source, label, str(n)) for (source, label), n in sorted(counts.items())]
    return _table(("source", "class", "texts"), told)


def _judged(name: str, figures: Figures) -> list[str]:
    together = figures.together
    line = (
        f"{figures.texts} texts: macro-F1 {figures.macro_f1:.3f}, accuracy"
        f" {figures.accuracy:.3f}, expected calibration error {figures.calibration.ece:.3f}."
    )
    if together is not None and together.harmless:
        line += f" Flagged {together.flagged} of {together.harmless} harmless texts."
    if together is not None and together.attacks:
        line += f" Missed {together.missed} of {together.attacks} attacks."
    rows = [
        (c.label, str(c.texts), _score(c.precision), _score(c.recall), _score(c.f1))
        for c in figures.classes
        if c.texts
    ]
    return [f"## {name}", line, _table(("class", "texts", "precision", "recall", "F1"), rows)]


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
