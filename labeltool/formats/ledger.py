"""What an import or export could not take as it was: counted as it happens, told at the end with the first examples."""

from __future__ import annotations

from dataclasses import dataclass, field

from labeltool.formats.imported import MAX_EXAMPLES


@dataclass
class _Entry:
    count: int = 0
    examples: list[str] = field(default_factory=list)


class Ledger:
    """Losses and changes of one conversion, by what happened; memory does not grow with their number."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    def add(self, text: str, example: str) -> None:
        """Counts one case.

        Args:
            text: what happened, with `{n}` for the count and, where needed, `{s}` for the plural's s.
            example: where it happened, such as `annotation 17 nose`.
        """
        entry = self._entries.setdefault(text, _Entry())
        entry.count += 1
        if len(entry.examples) < MAX_EXAMPLES:
            entry.examples.append(example)

    def say(self, text: str) -> None:
        """Keeps a line that holds for the whole conversion; a line said twice stands once."""
        self._entries.setdefault(literal(text), _Entry())

    def notes(self) -> tuple[str, ...]:
        """The lines, in the order in which each thing first happened."""
        return tuple(_line(text, entry) for text, entry in self._entries.items())


def literal(text: str) -> str:
    """A text from a file, so that it stands as it is inside a line with `{n}`."""
    return text.replace("{", "{{").replace("}", "}}")


def _line(text: str, entry: _Entry) -> str:
    said = text.format(n=f"{entry.count:,}", s="" if entry.count == 1 else "s")
    if not entry.examples:
        return said
    rest = entry.count - len(entry.examples)
    return f"{said}: {', '.join(entry.examples)}" + (f", and {rest:,} more" if rest else "")
