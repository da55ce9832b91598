"""Samples are taken in alternating blocks until the ratio is known, and voided where disturbed."""

import random
from dataclasses import dataclass

import pytest

from pytest_tritonbench.timing.sampler import Sampled, UndisturbedError, sample
from pytest_tritonbench.timing.stopping import Rule, Stop


@dataclass(frozen=True)
class Reading:
    """Seconds of one call."""

    device: float
    late: float = 0.0
    gap: bool = False


class World:
    """A device whose clock drifts, and the sides that are timed on it.

    Args:
        drift: Share by which everything slows down from one call to the next.
        noise: Scatter of single calls.
    """

    def __init__(self, drift: float = 0.0, noise: float = 0.005) -> None:
        self.now = 0.0
        self.order: list[str] = []
        self.drift = drift
        self.noise = noise
        self.calls = 0
        self.rng = random.Random(7)  # noqa: S311 - a world that is the same each time

    def clock(self) -> float:
        """Seconds of this world."""
        return self.now


class Side:
    """A call that takes a constant time on a quiet day.

    Args:
        world: Where it is timed.
        name: For the order of calls.
        seconds: What it takes.
        gaps: Share of its calls whose device waits for the host, which takes ten times as long.
    """

    def __init__(self, world: World, name: str, seconds: float, gaps: float = 0.0) -> None:
        self.world = world
        self.name = name
        self.seconds = seconds
        self.gaps = gaps
        self.places: list[int] = []

    def time(self, *, held: bool) -> Reading:
        """Time one call."""
        world = self.world
        world.calls += 1
        world.order.append(self.name)
        slower = 1 + world.drift * world.calls
        spent = self.seconds * slower * world.rng.lognormvariate(0, world.noise)
        gap = held and world.rng.random() < self.gaps
        world.now += spent + 1e-4
        return Reading(spent * (10 if gap else 1), late=0.0 if held else 3e-6, gap=gap)

    def move(self, spacer: int) -> None:
        """Lie elsewhere."""
        self.places.append(spacer)


def sampled(world: World, ratio: float = 1.0, budget: float = 5.0) -> Sampled:
    """A reference of 50 us against a candidate."""
    sides = {"reference": Side(world, "r", 50e-6), "candidate": Side(world, "c", 50e-6 / ratio)}
    return sample(sides, Rule(budget=budget), clock=world.clock)


def test_sides_alternate() -> None:
    """Each block has one side's calls on both sides of the other's, in turns."""
    world = World()
    found = sampled(world)
    # Two of each before the first block; five samples in a half, and one that is none.
    blocks = ["r" * 6 + "c" * 12 + "r" * 6, "c" * 6 + "r" * 12 + "c" * 6]
    expected = [blocks[number % 2] for number in range(found.blocks)]
    assert "".join(world.order) == "rrcc" + "".join(expected)


def test_drift_cancels() -> None:
    """A device that slows down by a third meanwhile makes neither side the faster."""
    found = sampled(World(drift=0.001)).interval("reference", "candidate")
    assert 1.0 in found
    assert found.half_width < 0.02


def test_the_ratio_is_found() -> None:
    """A candidate that takes 10 % less time has a speedup of 1.11."""
    found = sampled(World(), ratio=1 / 0.9).interval("reference", "candidate")
    assert 1 / 0.9 in found
    assert found.low > 1.05


def test_it_stops_once_the_ratio_is_known() -> None:
    """With little scatter there are few samples, and with much scatter time runs out."""
    calm = sampled(World(noise=0.001))
    wild = sampled(World(noise=0.3), budget=0.2)
    assert calm.stopped is Stop.PRECISE
    assert wild.stopped is Stop.BUDGET
    assert 0.2 <= wild.seconds < 0.3


def test_it_stops_where_more_samples_are_of_no_use() -> None:
    """Of calls of 6 us, processes differ by more than the precision that is asked for."""
    world = World(noise=0.003)
    sides = {"reference": Side(world, "r", 6e-6), "candidate": Side(world, "c", 6e-6)}
    found = sample(sides, Rule(), clock=world.clock)
    assert found.stopped is Stop.SETTLED
    assert found.blocks < 20
    assert found.interval("reference", "candidate").half_width > 0.02


def in_pairs(seconds: float, offsets: list[float]) -> list[Sampled]:
    """Equal sides in one pair of processes after another, each off by so many seconds."""
    world = World(noise=0.002)
    found: list[Sampled] = []
    for offset in offsets:
        sides = {
            "reference": Side(world, "r", seconds + offset),
            "candidate": Side(world, "c", seconds),
        }
        rule = Rule(pairs=len(offsets))
        earlier = found[-1] if found else None
        found.append(sample(sides, rule, clock=world.clock, earlier=earlier))
        if found[-1].stopped is not Stop.PAIR:
            break
    return found


def test_further_processes_bring_the_precision_that_samples_cannot() -> None:
    """Two processes may differ by more than 1 % of 20 us; the mean of four is known better."""
    found = in_pairs(20e-6, [1.5e-7, -1e-7, -5e-8, 0.0])
    assert [one.stopped for one in found[:-1]] == [Stop.PAIR] * (len(found) - 1)
    assert found[-1].stopped in (Stop.PRECISE, Stop.SETTLED)
    assert len(found[-1].pairs) == len(found) > 2
    assert sum(found[-1].pairs) == found[-1].blocks == len(found[-1].series["candidate"].blocks)
    last, first = (one.interval("reference", "candidate") for one in (found[-1], found[0]))
    assert last.half_width < 0.7 * first.half_width
    assert abs(last.value - 1) < 0.5 * abs(first.value - 1)


def test_pairs_that_seem_far_apart_are_not_left_at_two() -> None:
    """The second pair is off by more than was assumed, by chance: further ones show that."""
    found = in_pairs(20e-6, [3.5e-7, -3.5e-7, 5e-8, -5e-8, 0.0, 2e-8])
    widths = [one.interval("reference", "candidate").half_width for one in found]
    assert len(found) > 3
    assert widths[1] > 0.015
    assert widths[-1] < 0.012


def test_a_small_difference_has_to_show_in_three_pairs() -> None:
    """One kernel's processes differ by more than is assumed: what one pair shows is taken back."""
    taken_back = in_pairs(143e-6, [3.3e-6, 0.0, 3e-7, 2.5e-6, -1.4e-6, 2e-7])
    first, last = (
        one.interval("reference", "candidate") for one in taken_back[:: len(taken_back) - 1]
    )
    assert first.low > 1.01
    assert last.low < 1.005
    confirmed = in_pairs(143e-6, [4.3e-6, 4.2e-6, 4.4e-6, 4.3e-6, 4.2e-6, 4.4e-6])
    assert len(confirmed) == 3
    assert confirmed[-1].stopped is Stop.PRECISE
    assert confirmed[-1].interval("reference", "candidate").low > 1.02


def test_a_spent_budget_starts_no_further_processes() -> None:
    """Whoever asks for less time gets a wider interval instead."""
    world = World(noise=0.002)
    sides = {name: Side(world, name, 20e-6) for name in ("reference", "candidate")}
    found = sample(sides, Rule(pairs=4, budget=0.022), clock=world.clock)
    assert found.stopped is Stop.SETTLED


def test_what_a_pair_gave_is_not_touched_by_the_next() -> None:
    """Earlier samples stay, and the seconds add up."""
    first, second, *_ = in_pairs(20e-6, [0.0] * 4)
    kept = second.series["candidate"].device[: len(first.series["candidate"].device)]
    assert kept == first.series["candidate"].device
    assert second.seconds > 1.5 * first.seconds


@pytest.mark.parametrize(("everywhere", "pairs"), [(False, 1), (True, 3)])
def test_a_ratio_far_from_one_is_worth_no_further_processes(everywhere: bool, pairs: int) -> None:  # noqa: FBT001
    """Twice as fast is told from just as fast by any interval; a gate may lie anywhere."""
    world, earlier = World(noise=0.002), None
    sides = {"reference": Side(world, "r", 40e-6), "candidate": Side(world, "c", 20e-6)}
    rule = Rule(pairs=4, everywhere=everywhere)
    while earlier is None or earlier.stopped is Stop.PAIR:
        earlier = sample(sides, rule, clock=world.clock, earlier=earlier)
    assert len(earlier.pairs) == pairs


@pytest.mark.parametrize("seconds", [6e-6, 100e-6])
def test_no_further_processes_where_they_are_of_no_use(seconds: float) -> None:
    """Four pairs are too few for 6 us, and one is enough for 100."""
    (only,) = in_pairs(seconds, [0.0] * 4)
    assert only.pairs == [only.blocks]


def test_inputs_are_moved_for_all_sides() -> None:
    """After each block every side's inputs lie elsewhere."""
    world = World()
    sides = {"reference": Side(world, "r", 5e-5), "candidate": Side(world, "c", 5e-5)}
    found = sample(sides, Rule(), clock=world.clock)
    moves = [len(side.places) for side in sides.values()]
    assert moves[0] == moves[1] == found.blocks - 1
    assert moves[0] >= 2


def test_what_was_not_held_is_no_sample() -> None:
    """One call in each half shows what other streams do; its time is not the call's."""
    series = sampled(World()).series["candidate"]
    assert set(series.late) == {3e-6}
    assert len(series.device) == 5 * len(series.late)


def gapped(share: float) -> Sampled:
    """Equal sides, one of which is now and then asked for too slowly."""
    world = World()
    sides = {
        "reference": Side(world, "r", 5e-5),
        "candidate": Side(world, "c", 5e-5, gaps=share),
    }
    return sample(sides, Rule(budget=2.0), clock=world.clock)


def test_calls_that_waited_for_the_host_are_made_again() -> None:
    """A third of the calls has a gap; hardly one of them is a sample."""
    found = gapped(0.3)
    series = found.series["candidate"]
    assert series.gaps < 0.1 * len(series.device)
    assert 1.0 in found.interval("reference", "candidate")


def test_a_call_that_always_waits_is_taken_as_it_is() -> None:
    """One that asks the device for a number outlasts every hold; each sample is told as such."""
    found = gapped(1.0)
    series = found.series["candidate"]
    assert series.gaps == len(series.device)
    interval = found.interval("reference", "candidate")
    assert found.stopped is Stop.SETTLED
    assert interval.half_width > 0.3
    assert interval.value == pytest.approx(0.1, rel=0.05)


class Watch:
    """Says of some blocks that they were disturbed.

    Args:
        every: One in so many is not.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self.blocks = 0

    def before(self) -> None:
        """A block begins."""
        self.blocks += 1

    def after(self) -> str | None:
        """It has ended."""
        return "another process" if self.every == 0 or self.blocks % self.every else None


def test_disturbed_blocks_do_not_count() -> None:
    """They are left out, and the result says how many there were and why."""
    world, watch = World(), Watch(2)
    sides = {"reference": Side(world, "r", 5e-5), "candidate": Side(world, "c", 5e-5)}
    found = sample(sides, Rule(), watch=watch, clock=world.clock)
    assert found.blocks + found.void == watch.blocks
    assert found.void >= found.blocks - 1
    assert found.why_void == "another process"


def test_nothing_but_disturbances_is_an_error() -> None:
    """No time is better than a wrong one; the message says what it was."""
    world = World()
    sides = {"reference": Side(world, "r", 5e-5), "candidate": Side(world, "c", 5e-5)}
    with pytest.raises(UndisturbedError, match=r"none of .* blocks of samples counts: another"):
        sample(sides, Rule(budget=0.5), watch=Watch(0), clock=world.clock)


def test_long_calls_are_few() -> None:
    """Calls of a tenth of a second are taken one at a time, and the budget is kept."""
    world = World()
    sides = {"reference": Side(world, "r", 0.1), "candidate": Side(world, "c", 0.1)}
    found = sample(sides, Rule(budget=3.0), clock=world.clock)
    assert len(found.series["candidate"].blocks[0]) == 2
    assert found.seconds < 4.5
