"""Words for people."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: "1 run", "2 runs"; `plural` where an s does not do."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
