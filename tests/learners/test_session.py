"""Sessions: streams, batches, workers, checkpoints, stops, moves, stages, random payoffs, traces."""

import math
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.errors import ClearingError, InputError
from learners.games.game import PayoffTensor
from learners.sessions.session import Session
from learners.sessions.stopping import EXPLORED, Stages, Stopping
from learners.sessions.streams import RowNoise, UniformStreams, stream
from learners.sessions.traces import Trace, TraceSpec
from learners.strategies.memory import LastActions
from learners.strategies.policies import EntropyBoltzmann, EpsilonGreedy, Exponential
from learners.strategies.roth_erev import RothErev
from learners.strategies.rules import Fixed, Held, Undercut
from learners.strategies.tabular import ExpectedSarsa, QLearning, Sarsa

DILEMMA = PayoffTensor([[[3, 0], [4, 1]], [[3, 4], [0, 1]]])
FAST = QLearning(0.2, 0.9, EpsilonGreedy(Exponential(0.005)))


class Noisy(PayoffTensor):
    """Payoffs with a draw of their own for every row."""

    random = True

    def payoffs(self, profiles, rng=None):
        mean = super().payoffs(profiles)
        return mean if rng is None else mean + rng.uniform(-1.0, 1.0, size=len(profiles))[:, None]


def same(one, other):
    assert [e.replicate for e in one.ended] == [e.replicate for e in other.ended]
    for a, b in zip(one.ended, other.ended, strict=True):
        assert (a.rounds, a.stable) == (b.rounds, b.stable)
        assert (a.standing == b.standing).all()
        assert (a.trace.rounds == b.trace.rounds).all()
        assert (a.trace.profiles == b.trace.profiles).all()
        assert (a.trace.last_profiles == b.trace.last_profiles).all()
        assert (a.trace.last_profits == b.trace.last_profits).all()
        for mine, yours in zip(a.arrays, b.arrays, strict=True):
            assert all(np.array_equal(mine[k], yours[k]) for k in mine)


COMPILED = Session(DILEMMA, (FAST, FAST), Stopping(5000, unchanged=300))
MIXED = Session(DILEMMA, (FAST, Undercut(restart=1)), Stopping(3000, unchanged=300))
RANDOM = Session(Noisy(DILEMMA.values), (FAST, RothErev()), 700, trace=TraceSpec(64, 50))
SESSIONS = pytest.mark.parametrize("session", [COMPILED, MIXED, RANDOM], ids=["compiled", "mixed", "random"])


@SESSIONS
def test_batch_order_and_workers_do_not_show(session):
    """Law 9: replicates have their own streams."""
    whole = session.play(seed=5, replicates=7)
    pieces = [session.play(seed=5, replicates=[r]) for r in range(7)]
    for r, piece in enumerate(pieces):
        same(type(whole)(session, 5, (whole.ended[r],)), piece)
    with ThreadPoolExecutor(2) as executor:
        same(whole, session.play(seed=5, replicates=7, workers=2, executor=executor))
    backwards = session.play(seed=5, replicates=[6, 5, 4, 3, 2, 1, 0])
    same(whole, type(whole)(session, 5, backwards.ended[::-1]))


def test_processes_do_not_show():
    session = Session(DILEMMA, (RothErev(), RothErev()), 300)
    same(session.play(seed=1, replicates=3), session.play(seed=1, replicates=3, workers=2))


@SESSIONS
@pytest.mark.parametrize("cut", [1, 97, 650])
def test_resumed_runs_go_on_bit_for_bit(session, cut, tmp_path):
    whole = session.play(seed=2, replicates=4)
    run = session.start(2, 4)
    run.advance(cut)
    run.save(tmp_path / "run.npz")
    resumed = session.resume(tmp_path / "run.npz")
    resumed.advance(111)
    resumed.save(tmp_path / "run.npz")
    again = session.resume(tmp_path / "run.npz")
    again.finish()
    same(whole, again.result())


def test_a_checkpoint_that_is_not_what_was_written_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    COMPILED.play(2, 4, checkpoint=path)
    whole = path.read_bytes()
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(tmp_path / "other.npz", **arrays | {"counts": arrays["counts"] + 1})
    np.savez(tmp_path / "less.npz", **{k: v for k, v in arrays.items() if k not in ("counts", "sha256")})
    spoiled = {
        "empty": b"",
        "torn": whole[: len(whole) // 2],
        "no archive": b"round 7",
        "changed": (tmp_path / "other.npz").read_bytes(),
        "less": (tmp_path / "less.npz").read_bytes(),
    }
    for what, data in spoiled.items():
        path.write_bytes(data)
        with pytest.raises(InputError, match=r"run\.npz .*delete it to start again"):
            COMPILED.play(2, 4, checkpoint=path)
        assert path.read_bytes() == data, f"{what}: left as it is"


def test_play_goes_on_from_its_checkpoint(tmp_path):
    run = COMPILED.start(2, 4)
    run.advance(50)
    run.save(tmp_path / "run.npz")
    same(COMPILED.play(2, 4), COMPILED.play(2, 4, checkpoint=tmp_path / "run.npz"))
    same(COMPILED.play(2, 4), COMPILED.play(2, 4, checkpoint=tmp_path / "run.npz"))
    with pytest.raises(InputError, match="of seed 2"):
        COMPILED.play(3, 4, checkpoint=tmp_path / "run.npz")
    with pytest.raises(InputError, match="another session"):
        MIXED.resume(tmp_path / "run.npz")


KILLED = """
import sys
from learners.sessions import run
from tests.learners.test_session import LONG
run.SAVE_SECONDS = 0.0
LONG.play(seed=4, replicates=2, checkpoint=sys.argv[1], listener=lambda *_: print("saved", flush=True))
"""
LONG = Session(DILEMMA, (FAST, FAST), 1_000_000)


def test_a_million_rounds_go_on_after_a_kill(tmp_path):
    """The process dies without a word; what its file holds goes on bit for bit, in memory that is bounded."""
    file = tmp_path / "run.npz"
    words = [sys.executable, "-c", KILLED, str(file)]
    with subprocess.Popen(words, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(3):  # the second line comes after the first file
            assert process.stdout.readline() == "saved\n"
        process.kill()
    half = LONG.resume(file)
    assert 0 < half.round < 1_000_000
    same(LONG.play(seed=4, replicates=2), LONG.play(seed=4, replicates=2, checkpoint=file))
    assert all(len(half.traces[r].rounds) <= 1000 and len(half.traces[r].last_rounds) <= 1000 for r in (0, 1))


class Plain:
    """The dilemma as a formula, which counts how often it is asked."""

    players, actions, labels = DILEMMA.players, DILEMMA.actions, DILEMMA.labels

    def __init__(self, broken=False):
        self.asked, self.broken = 0, broken

    def payoffs(self, profiles, rng=None):
        self.asked += 1
        if self.broken and (np.asarray(profiles) == 1).all(axis=1).any():
            raise ClearingError("profile (1, 1) cannot be cleared")
        return DILEMMA.payoffs(profiles)


def test_games_with_few_profiles_are_tabulated_once():
    """The compiled loop plays any game that draws nothing, with the same bits as the loop through `act`."""
    tensor = COMPILED.play(seed=2, replicates=3)
    game = Plain()
    same(tensor, Session(game, (FAST, FAST), COMPILED.stopping).play(seed=2, replicates=3))
    assert game.asked == 1
    slow = Session(Plain(broken=True), (FAST, Fixed(0)), 500)
    assert slow.table is None
    broken = Session(Plain(broken=True), (FAST, FAST), 500)
    assert broken.table is None
    with pytest.raises(ClearingError, match="cannot be cleared"):
        broken.play(seed=1)
    assert Session(Plain(), (FAST, FAST), 3).table is None, "4 profiles are more than 3 rounds"
    assert Session(Noisy(DILEMMA.values), (FAST, FAST), 500).table is None
    masked = type("Masked", (PayoffTensor,), {"feasible": lambda *_: None})(DILEMMA.values)
    same(
        Session(masked, (FAST, FAST), COMPILED.stopping).play(seed=2, replicates=3), tensor
    )  # the loop through `act`


@pytest.mark.parametrize("session", [COMPILED, MIXED], ids=["compiled", "mixed"])
def test_no_stop_before_exploration_is_over(session):
    """A greedy strategy that has not changed says nothing while a replicate still explores: β·t > 7 first."""
    ended = session.play(seed=1, replicates=12)
    assert ended.stable.all()
    assert (ended.rounds >= math.ceil(7 / 0.005)).all()
    assert (ended.rounds < 3000).any()
    for row, one in enumerate(ended.ended):
        changed = max(ended.learner(i).last_change[row] for i in (0, 1))
        assert one.rounds == max(math.ceil(7 / 0.005), changed + 301)


def test_stopping_refuses_what_would_stop_by_luck():
    with pytest.raises(InputError, match="falling schedule"):
        Session(DILEMMA, (FAST, QLearning()), Stopping(100, unchanged=5))
    with pytest.raises(InputError, match=r"at most 0\.01"):
        Stopping(100, unchanged=5, exploration=0.5)
    assert pytest.approx(math.exp(-7)) == EXPLORED


def test_streams_are_read_in_any_pieces():
    a, b = UniformStreams(1, [3, 4]), UniformStreams(1, [4])
    whole = a.draw(10, 2)
    assert (np.concatenate([b.draw(3, 2), b.draw(7, 2)], axis=1)[0] == whole[1]).all()
    assert stream(1, 3, skip=6).random() == whole[0, 3, 0]
    one, both = RowNoise(1, [4]), RowNoise(1, [3, 4])
    for k in range(600):
        assert one.integers(7, size=1)[0] == both.integers(7, size=2)[1], k
    resumed = RowNoise(1, [4], drawn=600)
    assert resumed.random(1) == one.random(1)


@pytest.mark.parametrize("method", [QLearning, Sarsa, ExpectedSarsa])
def test_alternating_moves_are_held_actions(method):
    """Two ways to say that a player moves every second round give the same tables."""
    spec = method(0.3, 0.9, EpsilonGreedy(0.1), LastActions("rivals"))
    every = Session(DILEMMA, (spec, spec), 500, every=((2, 0), (2, 1))).play(seed=1, replicates=3)
    held = Session(DILEMMA, (Held(spec, 2), Held(spec, 2, 1)), 500).play(seed=1, replicates=3)
    for a, b in zip(every.ended, held.ended, strict=True):
        assert (a.trace.last_profiles == b.trace.last_profiles).all()
        assert all((a.arrays[i]["tables"] == b.arrays[i]["tables"]).all() for i in (0, 1))
        moves = np.diff(a.trace.last_profiles, axis=0) != 0
        assert not (moves[0::2, 0]).any(), "player 1 moves in even rounds only"


def test_rewards_between_moves_are_discounted():
    """Klein (RAND 2021): target r_t + δ·r_{t+1} + δ²·max Q."""
    pays = PayoffTensor([[[2.0, 8.0]], [[0.0, 0.0]]])  # player 1 earns 2, then 8 when player 2 changes
    spec = QLearning(1.0, 0.5, EpsilonGreedy(0.0), LastActions("none"), initial=4.0)
    session = Session(pays, (spec, Fixed(1)), 2, every=((2, 0), (2, 1)), first=(0, 0))
    assert session.play().learner(0).tables[0, 0, 0] == pytest.approx(2 + 0.5 * 8 + 0.25 * 4)


def test_stages_end_and_mask():
    first, second = PayoffTensor([[1.0, 5.0]]), PayoffTensor([[10.0, 100.0]])

    def feasible(stage, player, last):
        return np.stack([np.ones(len(last), bool), (last[:, 0] == 0) | (stage == 0)], axis=1)

    spec = QLearning(0.5, 1.0, EpsilonGreedy(0.3))
    ended = Session(Stages((first, second), feasible), (spec,), 4000).play(seed=1, replicates=5)
    tables = ended.learner(0).tables
    assert tables[:, 0] == pytest.approx(np.tile([101.0, 15.0], (5, 1)), abs=1e-6)
    assert tables[:, 2] == pytest.approx(np.tile([10.0, 100.0], (5, 1)), abs=1e-6)
    assert (tables[:, 3, 1] == -math.inf).all()
    pairs = ended.ended[0].trace.last_profiles[:, 0].reshape(-1, 2)
    assert not ((pairs[:, 0] == 1) & (pairs[:, 1] == 1)).any()


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12))
def test_traces_are_bounded_and_do_not_see_pieces(pieces):
    total = sum(pieces)
    profiles = np.arange(total)[:, None].astype(np.int32)
    whole, parts, at = Trace(TraceSpec(16, 5), 1), Trace(TraceSpec(16, 5), 1), 0
    whole.extend(0, profiles)
    for piece in pieces:
        parts.extend(at, profiles[at : at + piece])
        at += piece
    assert (whole.rounds == parts.rounds).all()
    assert (whole.profiles[:, 0] == whole.rounds).all()
    assert len(whole.rounds) <= 16
    assert len(whole.rounds) >= min(total, 8)
    assert (parts.last_rounds == np.arange(max(0, total - 5), total)).all()


@given(st.integers(1, 6), st.lists(st.integers(1, 40), min_size=1, max_size=12))
def test_traces_keep_whole_days(day, pieces):
    trace, at = Trace(TraceSpec(16, 5), 1, block=day), 0
    for piece in pieces:
        trace.extend(at, np.arange(at, at + piece)[:, None].astype(np.int32))
        at += piece
    assert len(trace.rounds) <= 16
    assert (trace.profiles[:, 0] == trace.rounds).all()
    complete = trace.rounds[trace.rounds // day < at // day]
    hours = np.bincount(complete % day, minlength=day)
    assert (hours == hours[0]).all(), "no hour is kept more often than another"


def test_trace_frame_has_units_in_its_columns():
    ended = Session(DILEMMA, (Fixed(0), Fixed(1)), 3).play()
    frame = ended.ended[0].trace.frame(DILEMMA)
    assert frame.columns.tolist() == ["round", "player", "action", "label", "profit"]
    assert frame["profit"].tolist() == [0, 4] * 3
    assert ended.window_profits() == pytest.approx(np.array([[0, 4]]))


def test_random_payoffs_are_traced_as_drawn():
    ended = RANDOM.play(seed=1, replicates=2).ended[0]
    mean = DILEMMA.payoffs(ended.trace.last_profiles)
    assert (ended.trace.last_profits != mean).all()
    assert np.abs(ended.trace.last_profits - mean).max() <= 1.0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Session(DILEMMA, (FAST,), 5), "1 learners for 2 players"),
        (lambda: Session(DILEMMA, (FAST, FAST), 5, every=((2, 2), (1, 0))), "0 ≤ offset < every"),
        (lambda: Session(DILEMMA, (FAST, FAST), 5, first=(0,)), "one action of each"),
        (lambda: Session(DILEMMA, (FAST, FAST), 0), "at least 1"),
        (lambda: Session(DILEMMA, (FAST, FAST), 5).play(replicates=[1, 1]), "distinct"),
        (lambda: Session(DILEMMA, (FAST, FAST), 5).start(0).result(), "still play"),
        (lambda: Stages((DILEMMA, PayoffTensor([[1.0]]))), "different tables"),
        (lambda: Session(DILEMMA, (FAST, Fixed(7)), 5).play(), "actions 0 to 1"),
        (lambda: TraceSpec(1, 1), "at least 2"),
        (lambda: EntropyBoltzmann(2.0), "give 0 to 1"),
    ],
)
def test_bad_input(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_documented_blocks_run():
    text = (Path(__file__).parents[2] / "docs" / "learners.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.S)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "docs/learners.md", "exec"), {})


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"seed": 0.5}, "seed is 0.5"),
        ({"replicates": 2.5}, "replicates is 2.5"),
        ({"replicates": [0, -1]}, "number is -1"),
        ({"replicates": [1, 1]}, "distinct"),
        ({"workers": 0}, "workers is 0"),
    ],
)
def test_odd_seeds_and_counts(asked, message):
    spec = QLearning(0.1, 0.0, EpsilonGreedy(Exponential(0.01)))
    game = PayoffTensor([[[3, 0], [4, 1]], [[3, 4], [0, 1]]])
    with pytest.raises(InputError, match=message):
        Session(game, (spec, spec), 5).play(**asked)
    with pytest.raises(InputError, match=r"rounds is 1\.5"):
        Session(game, (spec, spec), 1.5)
    with pytest.raises(InputError, match=r"first: .* not among 0 to 1"):
        Session(game, (spec, spec), 5, first=(0, 2))
