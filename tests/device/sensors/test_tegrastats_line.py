from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.device.sensors.tegrastats_line import Core, Engine, Line, parse

LINES = dict(line.split(": ", 1) for line in Path(__file__).with_name("tegrastats_lines.txt").read_text().splitlines())
"""One line of each shape that boards and releases are known to print, with numbers of our own."""


@dataclass(frozen=True)
class Expected:
    ram_mb: int
    cores: int
    off: int
    emc: tuple[float, int] | None
    gr3d: tuple[float | None, tuple[int, ...]] | None
    engines: int
    zones: int
    rails: int
    temperatures_each: int = 1
    powers_each: int = 2


EXPECTED = {
    "tx1": Expected(1402, 4, 0, (0.12, 665), (0.04, (153,)), 3, 8, 3),
    "tx2": Expected(3011, 6, 2, (0.09, 1331), (0.17, (522,)), 3, 8, 6),
    "nano": Expected(812, 4, 0, (0.06, 408), (0.21, (230,)), 3, 6, 3),
    "agx-xavier": Expected(1904, 8, 4, (0.03, 1065), (0.28, (522,)), 3, 8, 6),
    "xavier-nx": Expected(2977, 6, 0, (0.18, 1866), (0.91, (803,)), 3, 6, 3),
    "orin-nx": Expected(4820, 8, 4, (0.11, 3199), (0.55, (714,)), 4, 9, 3),
    "agx-orin": Expected(11806, 12, 0, (0.05, 3199), (0.63, (612, 816)), 12, 6, 3),
    "agx-orin-user": Expected(7105, 12, 0, None, (0.37, ()), 1, 6, 3),
    "orin-nano": Expected(3318, 6, 0, (0.22, 2133), (0.74, (624,)), 8, 6, 3),
    "agx-orin-r39": Expected(9120, 12, 0, (0.08, 2133), (0.45, (918, 1020)), 12, 4, 3, 2, 3),
    "thor-r38": Expected(40117, 14, 0, (0.01, 4266), (None, (408, 408, 511)), 11, 5, 4),
    "thor-r39-user": Expected(50210, 14, 0, None, None, 0, 5, 4, 1, 3),
    "thor-r39": Expected(15733, 4, 1, (0.29, 4266), (0.96, (1386, 1386, 1377)), 4, 5, 4, 2, 3),
    "thor-r38-idle": Expected(18722, 2, 1, None, None, 0, 0, 4),
}


def engine(line: Line, name: str) -> Engine | None:
    return next((one for one in line.engines if one.name == name), None)


def mhz(one: Engine) -> tuple[int | None, ...]:
    return tuple(None if hertz is None else hertz // 1_000_000 for hertz in one.frequencies_hz)


@pytest.mark.parametrize("name", LINES)
def test_every_shape_is_read_completely(name: str) -> None:
    line, expected = parse(LINES[name]), EXPECTED[name]
    assert {m.name: m.used_bytes for m in line.memory}["RAM"] == expected.ram_mb * 2**20
    assert (len(line.cores), [c.is_online for c in line.cores].count(False)) == (expected.cores, expected.off)
    emc, gr3d = engine(line, "EMC"), engine(line, "GR3D")
    assert (None if emc is None else (emc.load, *mhz(emc))) == expected.emc
    assert (None if gr3d is None else (gr3d.load, mhz(gr3d))) == expected.gr3d
    assert len(line.engines) == expected.engines
    assert len(line.zones) == expected.zones
    assert {len(zone.temperatures_c) for zone in line.zones} <= {expected.temperatures_each}
    assert len(line.rails) == expected.rails
    assert {len(rail.powers_w) for rail in line.rails} == {expected.powers_each}
    assert line.unknown == ()


def test_there_is_a_line_for_every_expectation() -> None:
    assert set(LINES) == set(EXPECTED)


def test_names_of_rails_may_be_those_of_other_things() -> None:
    line = parse(LINES["agx-xavier"])
    assert {rail.name: rail.powers_w[0] for rail in line.rails} == {
        "GPU": 0.612,
        "CPU": 0.919,
        "SOC": 1.225,
        "CV": 0.0,
        "VDDRQ": 0.765,
        "SYS5V": 1.842,
    }


def test_the_first_power_is_that_of_the_moment_and_may_be_negative() -> None:
    rails = {rail.name: rail.powers_w for rail in parse(LINES["thor-r38-idle"]).rails}
    assert rails["VDD_GPU"] == (-0.215, -0.188)
    assert rails["VIN"][0] == 14.42


def test_memory_has_its_units() -> None:
    memory = {one.name: (one.used_bytes, one.total_bytes) for one in parse(LINES["nano"]).memory}
    assert memory == {
        "RAM": (812 * 2**20, 3956 * 2**20),
        "SWAP": (44 * 2**20, 1978 * 2**20),
        "IRAM": (0, 252 * 2**10),
    }
    assert parse("RAM 3/7GB (lfb 1x512kB)").memory[0].total_bytes == 7 * 2**30


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("GR3D_FREQ 12%", Engine("GR3D", False, 0.12, ())),
        ("GR3D_FREQ 12%@305", Engine("GR3D", False, 0.12, (305_000_000,))),
        ("GR3D_FREQ @305", Engine("GR3D", False, None, (305_000_000,))),
        ("GR3D_FREQ 0%@[305]", Engine("GR3D", False, 0.0, (305_000_000,))),
        ("GR3D_FREQ @[305, off,]", Engine("GR3D", False, None, (305_000_000, None, None))),
        ("GR3D_FREQ 3%@[]", Engine("GR3D", False, 0.03, ())),
        ("NVENC1   716", Engine("NVENC1", False, None, (716_000_000,))),
        ("NVDLA0_FREQ    off", Engine("NVDLA0", True, None, ())),
    ],
)
def test_forms_of_an_engine(written: str, expected: Engine) -> None:
    assert parse(f"RAM 1/2MB (lfb 1x4MB) {written} cpu@40C").engines == (expected,)


def test_forms_of_a_core() -> None:
    cores = parse("CPU [7%@1190, off,5%,?,]").cores
    assert cores[:3] == (Core(True, 0.07, 1_190_000_000), Core(False, None, None), Core(True, 0.05, None))
    assert cores[3:] == (Core(None, None, None),) * 2
    assert parse("CPU [7%,off]@652").cores == (Core(True, 0.07, 652_000_000), Core(False, None, None))


def test_an_offline_temperature_is_unknown() -> None:
    zones = parse("gpu@-256C cpu@-4.5C tj@41C/-256C").zones
    assert [zone.temperatures_c for zone in zones] == [(None,), (-4.5,), (41.0, None)]


def test_words_that_are_not_understood_are_kept() -> None:
    line = parse("RAM 5/9MB (lfb 1x4MB) FUTURE_TOKEN 7%@3 x VDD_IN 5mW/6mW")
    assert line.unknown == ("FUTURE_TOKEN", "7%@3", "x")
    assert line.rails[0].powers_w == (0.005, 0.006)


@pytest.mark.parametrize(
    "broken", ["RAM 5/9", "VDD_A 5mW", "VDD_A EMC_FREQ 1%@2 5mW/6mW", "EMC_FREQ 4% 5", "cpu@C", "CPU [", "VDD_A 5/"]
)
def test_what_is_cut_off_is_not_completed(broken: str) -> None:
    line = parse(broken)
    assert (line.memory, line.cores, line.zones, line.rails) == ((), (), (), ())
    assert line.unknown != ()


def tokens(text: str) -> list[str]:
    """What belongs together stays together, so that leaving one out leaves a line that could be."""
    pattern = (
        r"\d\d-\d\d-\d{4} \S+|I?RAM \S+ ?\([^)]*\)|SWAP \S+ \([^)]*\)|CPU \[[^\]]*\]"
        r"|MTS fg \S+ bg \S+|\S+@\S+C(?=\s|$)|\S+\s+\S+"
    )
    return re.findall(pattern, text)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_extra_spaces_and_foreign_words_change_nothing(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(LINES)))
    parts = tokens(LINES[name])
    place = data.draw(st.integers(0, len(parts)))
    foreign = data.draw(st.from_regex(r"X_[A-Z]{1,6}( \?[0-9]{1,3})?", fullmatch=True))
    gaps = data.draw(st.lists(st.sampled_from([" ", "  ", "\t", "      "]), min_size=50, max_size=50))
    changed = [*parts[:place], foreign, *parts[place:]]
    mutated = "".join(part + gap for part, gap in zip(changed, gaps, strict=False))
    plain, read = parse(LINES[name]), parse(mutated)
    assert read.unknown == tuple(foreign.split())
    assert (read.memory, read.cores, read.engines) == (plain.memory, plain.cores, plain.engines)
    assert (read.zones, read.rails) == (plain.zones, plain.rails)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_line_with_parts_left_out_says_less_and_nothing_else(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(LINES)))
    parts = tokens(LINES[name])
    kept = data.draw(st.lists(st.booleans(), min_size=len(parts), max_size=len(parts)))
    whole = parse(LINES[name])
    read = parse(" ".join(part for part, keep in zip(parts, kept, strict=True) if keep))
    assert read.unknown == ()
    for said, of in (
        (read.memory, whole.memory),
        (read.cores, whole.cores),
        (read.engines, whole.engines),
        (read.zones, whole.zones),
        (read.rails, whole.rails),
    ):
        assert set(said) <= set(of)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damage_never_raises_and_never_makes_a_zero(data: st.DataObject) -> None:
    # none of these has a zero, so whatever is 0 was invented
    text = re.sub("0", "9", LINES[data.draw(st.sampled_from(sorted(LINES)))])
    start, length = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 12))
    inserted = data.draw(st.text(alphabet="9[]@,/%C-m W\0off\u0663", max_size=6))
    line = parse(text[:start] + inserted + text[start + length :])
    numbers = [memory.used_bytes for memory in line.memory]
    numbers += [value for core in line.cores for value in (core.load, core.frequency_hz)]
    numbers += [value for one in line.engines for value in (one.load, *one.frequencies_hz)]
    numbers += [value for zone in line.zones for value in zone.temperatures_c]
    numbers += [value for rail in line.rails for value in rail.powers_w]
    assert 0 not in numbers


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert isinstance(parse(text), Line)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(1, 2500)), min_size=1, max_size=3), st.integers(-99999, 99999))
def test_clocks_of_several_clusters_and_power_of_either_sign(clusters: list[int | None], milliwatts: int) -> None:
    written = ",".join("off" if cluster is None else str(cluster) for cluster in clusters)
    line = parse(f"GR3D_FREQ 7%@[{written}] VDD_IN {milliwatts}mW/1mW")
    assert mhz(line.engines[0]) == tuple(clusters)
    assert line.rails[0].powers_w == (milliwatts / 1000, 0.001)
