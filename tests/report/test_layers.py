from __future__ import annotations

from edgetl.layers import Layer, Layers
from edgetl.report.layers import layers_table, precision_sentence

FOUND = Layers(
    "OpenVINO's counters",
    20,
    (
        Layer("cast", "Convert", None, 50_000),
        Layer("conv1", "Convolution", "int8", 700_000),
        Layer("head", "FullyConnected", "fp32", 250_000),
    ),
)


def test_the_slowest_layers_come_first_with_their_share() -> None:
    table = layers_table("int8/openvino", FOUND)
    assert table.title == "Layers of int8/openvino"
    assert table.rows == (
        ("conv1", "Convolution", "int8", "0.700 ms", "70.0 %"),
        ("head", "FullyConnected", "fp32", "0.250 ms", "25.0 %"),
        ("cast", "Convert", "-", "0.050 ms", "5.0 %"),
    )
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert table.remarks == (precision_sentence(FOUND),)


def test_a_long_list_says_how_much_it_leaves_out() -> None:
    table = layers_table("a", FOUND, top=2)
    assert [row[0] for row in table.rows] == ["conv1", "head"]
    assert table.remarks[1] == "Faster layers that are not shown: 1."


def test_the_sentence_says_which_precision_really_ran() -> None:
    assert precision_sentence(FOUND) == (
        "Of the time in layers: 70.0 % in int8, 25.0 % in fp32, 5.0 % without one, such as moving data "
        "(OpenVINO's counters, 20 runs, apart from timing)."
    )


def test_layers_without_times_are_counted() -> None:
    layers = Layers("a runtime", 1, (Layer("a", "Conv", "int8", None), Layer("b", "Conv", "fp32", None)))
    assert precision_sentence(layers).startswith("Of the layers: 50.0 % in fp32, 50.0 % in int8")
    assert [row[3:] for row in layers_table("x", layers).rows] == [("-", "-"), ("-", "-")]


def test_no_layers_say_why() -> None:
    layers = Layers("a runtime", 1, (), "it keeps its kernels to itself")
    assert precision_sentence(layers) == "Which precision ran is unknown: it keeps its kernels to itself."
    assert layers_table("x", layers).rows == ()
