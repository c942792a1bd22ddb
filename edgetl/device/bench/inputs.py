"""What candidates are fed while they are timed, as far as memory allows, and what there is to say of it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from edgetl.device.bench.subjects import Inputs, Loaded
from edgetl.device.feeds import buffers, bytes_of, feeds_from_golden, random_feeds
from edgetl.errors import InputError

_SHARE = 0.5
"""Of free memory, that inputs may take: models need the rest."""


@dataclass(frozen=True)
class Room:
    """How many inputs of one kind there is memory for."""

    inputs: int
    one_bytes: int
    free_bytes: int


def rooms(loaded: Sequence[Loaded], free_bytes: int | None) -> dict[str, Room]:
    """For each candidate by name; nothing where free memory is unknown. Candidates with the same inputs share them.

    Args:
        loaded: what is timed in one run.
        free_bytes: memory that a new allocation can get; half of it is for inputs, the same for each kind of them.

    Raises:
        InputError: there is no room for a single one.
    """
    if free_bytes is None:
        return {}
    kinds = len({_kind(one) for one in loaded})
    found = {}
    for one in loaded:
        size = max(_bytes(one), 1)
        room = Room(int(_SHARE * free_bytes) // kinds // size, size, free_bytes)
        if room.inputs < 1:
            raise InputError(
                f"one input of {one.subject.variant!r} takes {_mb(size)} ({_sizes(one)}), too much for "
                f"{_mb(free_bytes)} of free memory, of which half is for inputs"
                f"{f', of {kinds} kinds' if kinds > 1 else ''}; give a smaller --batch or fewer models, or free memory"
            )
        found[one.subject.name] = room
    return found


def inputs_of(loaded: Sequence[Loaded], seed: int, room: Mapping[str, Room]) -> dict[str, Inputs]:
    """Golden samples, or random data of the declared shapes, for each candidate by name."""
    made: dict[Hashable, Inputs] = {}
    found = {}
    for one in loaded:
        name, kind = one.subject.name, _kind(one)
        if kind not in made:
            made[kind] = _made(one, seed, room[name].inputs if name in room else None)
        found[name] = made[kind]
    return found


def input_remarks(loaded: Sequence[Loaded], room: Mapping[str, Room], batch: int | None) -> tuple[str, ...]:
    """A sentence for each model whose inputs are not what one might think; ``batch`` is what was asked for."""
    said = [_few(one, room.get(one.subject.name)) for one in loaded]
    said += [open_sizes(one) for one in loaded]
    said += [_fixed_batch(one) for one in loaded] if batch is None else []
    return tuple(dict.fromkeys(sentence for sentence in said if sentence is not None))


def open_sizes(one: Loaded) -> str | None:
    """Which sizes besides the batch were taken as 1, as a sentence; ``None`` where data say them, or the model does."""
    free = [spec for spec in one.runners[0].inputs if None in spec.shape[1:]]
    if one.subject.golden is not None or not free:
        return None
    return (
        f"{one.subject.variant} leaves sizes open, which were taken as 1 ({', '.join(map(str, free))}): its times are "
        "of inputs that small, and larger ones take longer; export it with the sizes it is used with, or make a bundle "
        "of it, which brings samples"
    )


def _few(one: Loaded, room: Room | None) -> str | None:
    wanted = buffers(one.subject.batch)
    if room is None or room.inputs >= wanted:
        return None
    what = "only one input is used" if room.inputs == 1 else f"only {room.inputs} inputs take turns"
    return (
        f"{one.subject.variant}: {what} instead of {wanted}, because each takes {_mb(room.one_bytes)} and "
        f"{_mb(room.free_bytes)} of memory were free; caches may hold more of them than in use"
    )


def _fixed_batch(one: Loaded) -> str | None:
    """Of the last of several inputs that have a first size of their own."""
    found = [spec for spec in one.runners[0].inputs if len(spec.shape) > 1 and (spec.shape[0] or 1) > 1]
    if not found:
        return None
    return (
        f"{one.subject.variant} takes {found[-1]}, and one inference counts as one item; "
        f"if the first size is its batch, give --batch {found[-1].shape[0]}"
    )


def _kind(one: Loaded) -> Hashable:
    subject = one.subject
    encoded = None if subject.end_to_end is None else id(subject.end_to_end.encoded)
    what: Hashable = one.runners[0].inputs if subject.golden is None else id(subject.golden)
    return what, encoded, subject.batch


def _bytes(one: Loaded) -> int:
    subject, golden, whole = one.subject, one.subject.golden, one.subject.end_to_end
    if golden is None:
        return bytes_of(one.runners[0].inputs, subject.batch)
    samples = subject.batch * sum(array.nbytes for array in golden.inputs.values()) // golden.n
    images = 0 if whole is None else subject.batch * sum(map(len, whole.encoded)) // len(whole.encoded)
    return samples + images


def _made(one: Loaded, seed: int, room: int | None) -> Inputs:
    subject, golden, whole = one.subject, one.subject.golden, one.subject.end_to_end
    if golden is None:
        return Inputs(random_feeds(one.runners[0].inputs, seed, subject.batch, room))
    images = () if whole is None else whole.inputs(subject.batch, room)
    return Inputs(feeds_from_golden(golden, subject.batch, room), images)


def _sizes(one: Loaded) -> str:
    batch = f", batch {one.subject.batch}" if one.subject.batch > 1 else ""
    return ", ".join(map(str, one.runners[0].inputs)) + batch


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 1e6 else f"{size / 1e6:.2g} MB"
