"""Completion is click's own; here is that it is reached."""

import pytest

from tests.cli.kit import Program, invoke


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_this_program(shell: str) -> None:
    script = invoke("completion", shell).stdout
    assert f"_STEPWELL_COMPLETE={shell}_complete" in script
    assert "stepwell" in script


def test_commands_and_choices_are_completed(program: Program) -> None:
    def complete(line: str) -> list[str]:
        words = line.split(" ")
        program.environment |= {
            "_STEPWELL_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        }
        return [each.partition(",")[2] for each in program().stdout.split()]

    assert complete("stepwell wor") == ["worker", "workflow"]
    assert complete("stepwell workflow re") == ["result", "resume", "rewind"]
    assert complete("stepwell workflow list --status wai") == ["waiting"]
