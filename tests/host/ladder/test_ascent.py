"""What rungs of one climb share: each treated float graph is made and calibrated once, and kept."""

from __future__ import annotations

from collections.abc import Callable

from edgetl.artifact import sha256_of
from edgetl.host.graph import backbone_digest, read_graph
from edgetl.host.ladder import Ascent

AscentOf = Callable[..., Ascent]


def test_a_treated_graph_is_calibrated_itself_on_the_same_images(ascent: AscentOf) -> None:
    asked = ascent(spread=30, is_chained=True)

    basis = asked.basis(("equalise",))

    record, plain = basis.calibrated.record, asked.calibrated.record
    assert record.graph_sha256 == backbone_digest(read_graph(basis.made.model)) != plain.graph_sha256
    assert record.images_sha256 == plain.images_sha256
    assert basis.calibrated.samples == asked.calibrated.samples
    assert basis.moments.graph_sha256 == record.graph_sha256


def test_a_treated_graph_is_found_once_and_again_by_the_next_climb(ascent: AscentOf) -> None:
    asked = ascent(spread=30, is_chained=True)
    basis = asked.basis(("equalise",))
    before = basis.made.model.stat().st_ino, sha256_of(basis.made.model)

    again = ascent(spread=30, is_chained=True).basis(("equalise",))

    assert asked.basis(("equalise",)) is basis
    assert again.made.model == basis.made.model
    assert (again.made.model.stat().st_ino, sha256_of(again.made.model)) == before
    assert again.calibrated.record.sha256 == basis.calibrated.record.sha256


def test_without_treatments_it_is_the_float_variant(ascent: AscentOf) -> None:
    asked = ascent()

    assert asked.basis(()).made is asked.made
    assert asked.basis(()).calibrated is asked.calibrated
