"""Which samples belong together, so that no two splits share a picture or a part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from edgetl.errors import DataError
from edgetl.host.data.dataset import Sample


def merge_groups(samples: tuple[Sample, ...], alike: Iterable[tuple[int, int]] = ()) -> tuple[Sample, ...]:
    """Give one group to all samples that are linked by a given group or by the same content.

    A merged group has the first of its given names, or ``sha256:…`` without any; a picture that is alone stays
    without group. Merging twice changes nothing.

    Args:
        alike: places of samples to link as well, two by two.

    Raises:
        DataError: linked samples were given to two different splits.
    """
    components = _components(samples, alike)
    merged = list(samples)
    for indices in components:
        members = [samples[index] for index in indices]
        _check_splits(members)
        name = _group_name(members)
        for index in indices:
            merged[index] = replace(samples[index], group=name)
    return tuple(merged)


def _components(samples: tuple[Sample, ...], alike: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Connected components by union-find with path halving."""
    parent = list(range(len(samples)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[tuple[str, str], int] = {}
    for index, sample in enumerate(samples):
        links = [("content", sample.sha256)] if sample.sha256 else []
        if sample.group is not None:
            links.append(("group", sample.group))
        for link in links:
            parent[root(index)] = root(first.setdefault(link, index))
    for one, other in alike:
        parent[root(one)] = root(other)
    components: dict[int, list[int]] = defaultdict(list)
    for index in range(len(samples)):
        components[root(index)].append(index)
    return list(components.values())


def _group_name(members: list[Sample]) -> str | None:
    given = sorted(sample.group for sample in members if sample.group is not None)
    if given:
        return given[0]
    return f"sha256:{members[0].sha256}" if len(members) > 1 else None


def _check_splits(members: list[Sample]) -> None:
    first = members[0]
    for other in members[1:]:
        if other.split != first.split:
            raise DataError(
                f"{first.name} is given to split {first.split!r} and {other.name} to {other.split!r}, but they are "
                f"linked by {_link(first, other)}; expected equal content and every group in one split only"
            )


def _link(first: Sample, other: Sample) -> str:
    if first.sha256 == other.sha256:
        return "the same content"
    group = other.group or first.group
    return "looking alike (near_duplicates)" if group is None else f"group {group!r}"
