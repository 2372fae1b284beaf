"""`walras play GAME`: one learning session, watched as it goes, with a figure at its end."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from networks.files import alone_with, safe_name
from studies.commands.guard import plain_errors
from studies.commands.options import DebugOption, JsonOption

if TYPE_CHECKING:
    from studies.commands.play_session import Played


def play(
    game: Annotated[
        str,
        typer.Argument(
            metavar="GAME",
            help="logit, bertrand, capacity, two_bus, or a CASE (see `walras cases`) whose sellers mark up.",
        ),
    ],
    learner: Annotated[
        list[str] | None,
        typer.Option(
            help="q, sarsa, expected-sarsa, linear, roth-erev, evolution, truthful, best-response, grim, "
            "tit-for-tat or undercut; once for all, or once per player.",
            show_default="q",
        ),
    ] = None,
    players: Annotated[
        str | None, typer.Option(help="Participants of the case, 'G1,G2'.", show_default="the 3 largest")
    ] = None,
    markups: Annotated[
        str | None, typer.Option(help="Mark-ups in $/MWh, '0,10,20'.", show_default="0,5,10,15,20")
    ] = None,
    demand: Annotated[
        str | None,
        typer.Option(help="Shares of the case's demand, '0.6,0.8,1', in turn; players know the present one."),
    ] = None,
    noise: Annotated[
        float, typer.Option(help="Noise around each level of demand, 0.05 for ±5 %; nobody sees it.", min=0)
    ] = 0.0,
    policy: Annotated[str, typer.Option(help="epsilon, boltzmann or entropy.")] = "epsilon",
    exploration: Annotated[
        float | None,
        typer.Option(
            help="Decay of ε per round, temperature in $, or exploration rate.",
            show_default="10/rounds, 1, 0.3",
        ),
    ] = None,
    alpha: Annotated[float, typer.Option(help="Step size.")] = 0.15,
    gamma: Annotated[float, typer.Option(help="Discount factor of a round.")] = 0.95,
    memory: Annotated[str, typer.Option(help="Whose last actions are seen: all, own, rivals, none.")] = "all",
    rounds: Annotated[int, typer.Option(help="Most rounds.", min=1)] = 500_000,
    unchanged: Annotated[
        int | None, typer.Option(help="Stop after so many rounds without a change, once exploration is over.")
    ] = None,
    replicates: Annotated[int, typer.Option(help="Sessions, each with its own stream.", min=1)] = 4,
    seed: Annotated[int, typer.Option(help="Seed of all random streams.", min=0)] = 0,
    checkpoint: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Written every ten seconds, and gone on from if it exists."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the results.", show_default="results/play-GAME"),
    ] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Let learners play a game or a case's market, and say what they learned.

    The profits are judged against the static equilibria and the joint optimum of the same game, and each
    strategy of the first session is described by what it does after a rival's cut or raise.
    """
    with plain_errors(debug):
        from learners.sessions.stopping import Stopping
        from networks.errors import InputError
        from studies.commands.play_session import play_session
        from studies.commands.play_words import make_game, make_learner, make_policy

        names = [p.strip() for p in players.split(",")] if players else []
        line = ProgressLine(rounds, replicates)
        playing = make_game(
            game, names, _numbers("--markups", markups, "in $/MWh, such as 0,10,20"), line.clear_markets,
            _numbers("--demand", demand, "such as 0.6,0.8,1"), noise, seed,
        )  # fmt: skip
        chosen = learner or ["q"]
        count = len(playing.source.players)
        if len(chosen) not in (1, count):
            raise InputError(
                f"--learner is given {len(chosen)} times for {count} players; once, or once each"
            )
        rule = make_policy(policy, exploration, rounds)
        specs = [
            make_learner(chosen[i if len(chosen) > 1 else 0], rule, alpha, gamma, memory, playing, i)
            for i in range(count)
        ]
        stopping = Stopping(rounds, unchanged)
        played = play_session(game, playing, specs, stopping, seed, replicates, line.play, checkpoint)
        line.end()
        folder = out or Path("results") / f"play-{safe_name(Path(game).stem)}"
        files = _write(played, folder)
        _say(played, files, as_json)


class ProgressLine:
    """One line on stderr that is written over itself; nothing where stderr is no terminal."""

    def __init__(self, rounds: int, replicates: int) -> None:
        self.rounds, self.replicates = rounds, replicates
        self.begun = self.shown = time.monotonic()
        self.length = 0
        self.first: int | None = None  # round at which play was first heard of, which a checkpoint moves

    def clear_markets(self, done: int, asked: int) -> None:
        """Profiles that were cleared."""
        self._show(f"clearing {done:,} of {asked:,} profiles")

    def play(self, played: int, playing: int, profit: float) -> None:
        """Rounds that were played."""
        if self.first is None:
            self.first, self.begun = played, time.monotonic()
        if time.monotonic() - self.shown > 0.1:
            rate = (played - self.first) * self.replicates / max(time.monotonic() - self.begun, 1e-9)
            self._show(
                f"round {played:,} of {self.rounds:,}   {playing} of {self.replicates} sessions   "
                f"{rate:,.0f} rounds/s   profit of all {_money(profit)} $"
            )

    def end(self) -> None:
        """Wipe the line."""
        if self.length:
            self._show("")
            sys.stderr.write("\r")

    def _show(self, text: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write("\r" + text.ljust(self.length))
            sys.stderr.flush()
            self.length, self.shown = len(text), time.monotonic()


def _numbers(option: str, words: str | None, what: str) -> list[float]:
    from networks.errors import InputError

    try:
        return [float(w) for w in words.split(",")] if words else []
    except ValueError:
        raise InputError(f"{option} is {words!r}; give numbers {what}") from None


def _write(played: Played, folder: Path) -> dict[str, Path]:
    from networks.csv_tables import write_csv
    from studies.pictures.charts_png import draw_chart

    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "rounds.csv"
    with alone_with(folder):
        write_csv(played.rounds, table)
        return {"Picture": draw_chart(played.chart, folder / "play.png"), "Rounds": table}


def _say(played: Played, files: dict[str, Path], as_json: bool) -> None:
    if as_json:
        import json

        from studies.pages.exports import plain

        document = played.facts | {"cards": list(played.cards), "files": [str(p) for p in files.values()]}
        typer.echo(json.dumps(plain(document), ensure_ascii=False))
        return
    from rich.text import Text

    from studies.commands.terminal import make_console, print_facts

    facts, console = played.facts, make_console()
    rounds, replicates = facts["rounds"], facts["replicates"]
    span = f"{min(rounds):,}" if min(rounds) == max(rounds) else f"{min(rounds):,} to {max(rounds):,}"
    console.print(Text.assemble((str(facts["game"]), "bold"), f"  {', '.join(map(str, facts['players']))}"))
    rows = [
        ("Sessions", f"{replicates} of {span} rounds, seed {facts['seed']}; {facts['stable']} ended stable"),
        (
            "Learned",
            f"{_money(facts['profit_per_round'])} $ per round, {_by_player(facts)}, over the last rounds",
        ),
    ]
    for key, words in (
        ("competitive", "Competition"),
        ("Nash", "Nash"),
        ("lowest_Nash", "Nash, lowest"),
        ("highest_Nash", "Nash, highest"),
        ("joint_optimum", "Joint"),
    ):
        if f"{key}_profit" in facts:
            rows.append((words, f"{_money(facts[f'{key}_profit'])} $ per round, all players"))
    if "finding" in facts:
        rows.append(("So", f"profits end {facts['finding']}"))
    for row in facts.get("asked", ()):
        asked = ", ".join(f"{player} {row[player]:.3g}" for player in facts["players"])
        rows.append((f"Demand {row['demand']:.0%}", f"mark-ups {asked} $/MWh on average of the last rounds"))
    if "epsilon" in facts:
        rows.append(("Certificate", _say_certificate(facts)))
    print_facts(console, rows)
    for card in played.cards:
        console.print()
        console.print(Text(card))
    console.print()
    for what, path in files.items():
        console.print(Text(f"{what:8} {path}"))


def _by_player(facts: dict[str, Any]) -> str:
    """Per player, and how far the sessions lie apart."""
    pairs = zip(facts["players"], facts["profit_by_player"], strict=True)
    said = ", ".join(f"{player} {_money(profit)}" for player, profit in pairs)
    if facts["replicates"] == 1:
        return said
    return f"{_money(facts['profit_lowest'])} to {_money(facts['profit_highest'])} by session; {said}"


def _say_certificate(facts: dict[str, Any]) -> str:
    asked = ", ".join(f"{m:g}" for m in facts["rest"])
    known = "proven" if facts["epsilon_proven"] else "checked at points, prices are not unique everywhere"
    return (
        f"session 1 rests at mark-ups {asked}; by any other, also between those of the grid, nobody gains "
        f"more than {_money(facts['epsilon'])} $ ({facts['epsilon_relative']:.1%} of its profit; {known})"
    )


def _money(profit: float) -> str:
    return f"{profit:,.0f}" if abs(profit) >= 1000 else f"{0.0 if abs(profit) < 1e-9 else profit:.4g}"
