"""`stepwell top`: what it counts, how it fits, and that it leaves the terminal as it found it."""

import re
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from rich.console import Console

from stepwell import Client, Queue, Rate, Stepwell
from stepwell.cli.frame import Watched, frame
from stepwell.model.info import ExecutorInfo
from stepwell.model.queues import QueueInfo
from stepwell.model.vitals import MOST_COUNTED, Overview, Vitals
from tests.cli.flows import add, fail
from tests.cli.kit import Cli, eventually
from tests.cli.terminal import Terminal

LEAVE_SCREEN, SHOW_CURSOR = "\x1b[?1049l", "\x1b[?25h"
NOW = 1_800_000_000.0

Open = Callable[..., Terminal]


@pytest.fixture
def open_top(postgres_url: str) -> Iterator[Open]:
    """`stepwell top` on Postgres, in terminals that are closed with the test."""
    opened: list[Terminal] = []
    with Client(postgres_url):
        pass  # the tables are there

    def open_top(*words: str, **options: object) -> Terminal:
        command = ("top", "--interval", "0.1", "--database", postgres_url, *words)
        opened.append(Terminal(command, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_top
    for terminal in opened:
        terminal.close()


@pytest.fixture
def client(postgres_url: str) -> Iterator[Client]:
    with Client(postgres_url) as client:
        yield client


def enqueue(client: Client, count: int, **options: object) -> None:
    chosen = add.options(engine=client, **options)  # type: ignore[arg-type]
    chosen.start_many(add.bind(number, 0) for number in range(count))


def test_it_is_drawn_again_and_again(open_top: Open, client: Client) -> None:
    client.queues.create(Queue("emails", concurrency=5, rate=Rate(100, per=60)))
    terminal = open_top()
    shown = terminal.shows("ENQUEUED 0")
    assert "at once 5, rate 100/60s" in shown
    assert "no process is running" in shown
    enqueue(client, 7, queue="emails")
    enqueue(client, 2, delay=3600)
    shown = terminal.shows("ENQUEUED 9")
    assert re.search(r"emails +7 +0", shown)
    assert re.search(r"the oldest waits .*s, 2 delayed", shown)
    client.queues.pause("emails")
    assert re.search(r"emails .*paused", terminal.shows("paused"))
    terminal.press("q")
    assert terminal.ended() == 0


def test_p_stops_it_and_lets_it_go_on(open_top: Open, client: Client) -> None:
    terminal = open_top()
    terminal.shows("ENQUEUED 0")
    terminal.press("p")
    terminal.shows("paused: p goes on")
    enqueue(client, 3)
    drawn = len(terminal.frames())
    eventually(lambda: len(terminal.frames()) > drawn + 3, "it is drawn while it is paused")
    assert "ENQUEUED 0" in terminal.frames()[-2]
    terminal.press("p")
    assert "paused" not in terminal.shows("ENQUEUED 3")


@pytest.mark.parametrize(
    ("leave", "code"),
    [
        (lambda terminal: terminal.press("q"), 0),
        (lambda terminal: terminal.press("\x03"), 0),
        (lambda terminal: terminal.process.send_signal(signal.SIGINT), 0),
        (lambda terminal: terminal.process.send_signal(signal.SIGTERM), 128 + signal.SIGTERM),
    ],
    ids=["q", "ctrl-c", "SIGINT", "SIGTERM"],
)
def test_the_terminal_is_as_it_was(open_top: Open, leave: Callable[[Terminal], None], code: int) -> None:
    terminal = open_top()
    terminal.shows("ENQUEUED 0")
    assert terminal.mode_now() != terminal.mode
    leave(terminal)
    assert terminal.ended() == code
    assert terminal.mode_now() == terminal.mode
    eventually(lambda: LEAVE_SCREEN in terminal.output, "the screen of before is back")
    assert SHOW_CURSOR in terminal.output.rpartition("\x1b[?25l")[2]
    assert "Traceback" not in terminal.output
    assert "Error" not in terminal.output


def test_ctrl_z_does_not_leave_the_terminal_in_our_mode(open_top: Open) -> None:
    terminal = open_top()
    terminal.shows("ENQUEUED 0")
    terminal.press("\x1a")
    drawn = len(terminal.frames())
    eventually(lambda: len(terminal.frames()) > drawn + 2, "it goes on")


def test_a_narrow_terminal_and_a_new_size(open_top: Open, client: Client) -> None:
    for number in range(20):
        client.queues.create(Queue(f"a-queue-with-a-long-name-{number}"))
    terminal = open_top(columns=32, lines=14)
    assert_fits(terminal.shows("more"), 32, 14)
    terminal.resize(100, 50)
    assert_fits(terminal.shows("a-queue-with-a-long-name-19"), 100, 50)


def test_without_colours(open_top: Open) -> None:
    terminal = open_top(NO_COLOR="1")
    terminal.shows("ENQUEUED 0")
    styles = set(re.findall(r"\x1b\[([0-9;]*)m", terminal.output))
    assert styles <= {"", "0", "1", "2"}


def test_a_terminal_that_can_do_nothing_gets_one_frame(open_top: Open) -> None:
    terminal = open_top(TERM="dumb")
    assert terminal.ended() == 0
    eventually(lambda: "ENQUEUED 0" in terminal.output, "a frame")
    assert "\x1b" not in terminal.output


def test_once_and_json(postgres_url: str, client: Client) -> None:
    cli = Cli(postgres_url)
    with Stepwell(postgres_url) as engine:
        add.options(engine=engine, queue="sums").start(1, 2).result(timeout=10)
        with pytest.raises(ValueError, match="broken"):
            fail.options(engine=engine).start("broken").result(timeout=10)
        enqueue(client, 3, queue="later", delay=3600)
        shown = cli("top", "--once").stdout
        assert "ENQUEUED 3" in shown
        assert ": 1 SUCCESS, 1 ERROR, 0 CANCELLED" in shown
        assert re.search(r"later +0 +0", shown)
        assert re.search(r"default@\S+ +0 +live +\d+\.\d s left", shown)
        document = cli.json("top")
    assert document["live"]["ENQUEUED"] == 3
    assert (document["delayed"], document["started"]) == (3, 5)
    assert document["ended"] == {"SUCCESS": 1, "ERROR": 1}
    assert [queue["name"] for queue in document["queues"]] == ["later"]
    assert [process["owned"] for process in document["processes"]] == [0]
    assert datetime.fromisoformat(document["now"]) > datetime.fromisoformat(document["since"])


def test_on_sqlite_too(sqlite: str) -> None:
    with Client(sqlite) as client:
        enqueue(client, 3, queue="sums")
    assert "ENQUEUED 3" in Cli(sqlite)("top", "--once").stdout


def test_intervals_that_make_no_sense(sqlite: str) -> None:
    with Client(sqlite):
        pass
    for interval in ("0", "-1", "nan", "inf", "2h"):
        assert "--interval" in Cli(sqlite)("top", "--interval", interval, code=2).stderr


# -- frames that no test could bring about ---------------------------------------------------------------------------


def an_overview(queues: int, processes: int) -> Overview:
    moment = datetime.fromtimestamp(NOW, UTC)
    return Overview(
        Vitals(
            now=NOW, since=NOW - 2, delayed=0, oldest=NOW - 90, started=MOST_COUNTED, ended={"SUCCESS": 3},
            live={"ENQUEUED": MOST_COUNTED, "PENDING": 5, "WAITING": 0, "BLOCKED": 1, "DEAD": 0},
            owned={UUID(int=0): MOST_COUNTED},
        ),
        [QueueInfo(Queue(f"q{number}", rate=Rate(5)), number, 0, 0, moment) for number in range(queues)],
        [
            ExecutorInfo(incarnation=UUID(int=number), label=f"p{number}", app="a", state="silent", serves=[],
                         queues=[], lease_until=datetime.fromtimestamp(NOW - 5, UTC), started_at=moment)
            for number in range(processes)
        ],
    )  # fmt: skip


def drawn(overview: Overview, width: int, height: int | None) -> str:
    console = Console(width=width, height=height or 1000, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(frame(overview, Watched("postgresql://host/db", datetime.now(UTC)), width, height))
    return capture.get()


@pytest.mark.parametrize("size", [(20, 12), (30, 14), (49, 24), (70, 24), (90, 30), (200, 60)])
@pytest.mark.parametrize("counts", [(0, 0), (1, 50), (50, 1), (50, 50)])
def test_every_size_fits(size: tuple[int, int], counts: tuple[int, int]) -> None:
    shown = drawn(an_overview(*counts), *size)
    assert_fits(shown, *size)
    assert "ENQUEUED" in shown
    assert "process" in shown


def test_the_busiest_queues_are_kept() -> None:
    shown = drawn(an_overview(50, 50), 80, 24)
    assert re.search(r"q49 +49", shown)
    assert not re.search(r"q0 +0", shown)
    assert "... 40 more" in shown


def test_names_cannot_draw() -> None:
    overview = an_overview(0, 0)
    overview.queues.append(QueueInfo(Queue("evil\x1b[2J\nname"), 1, 0, 0, None))
    assert "evil?[2J?name" in drawn(overview, 80, 24)


def test_counts_that_stopped_say_so() -> None:
    shown = drawn(an_overview(1, 1), 120, None)
    assert "ENQUEUED 10,000+" in shown
    assert ">5,000.0 starts/s  1.5 ends/s  the oldest waits 90.0 s" in shown
    assert re.search(r"p0 +10,000\+ +silent +over for 5.0 s", shown)


def assert_fits(shown: str, columns: int, lines: int) -> None:
    rows = shown.rstrip("\n").split("\n")
    assert len(rows) <= lines, shown
    assert max(len(row.rstrip()) for row in rows) <= columns, shown
