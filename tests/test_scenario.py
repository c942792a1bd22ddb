from __future__ import annotations

import pytest

from edgetl.errors import InputError
from edgetl.scenario import Scenario


def test_offline_and_multi_stream_may_have_several_streams() -> None:
    assert Scenario("offline", streams=4).streams == 4
    assert Scenario("multi-stream", streams=4).streams == 4


@pytest.mark.parametrize("kind", ["single-stream", "server", "periodic"])
def test_other_scenarios_have_one_stream(kind: str) -> None:
    rate = 30.0 if kind in ("server", "periodic") else None
    with pytest.raises(InputError, match=f"2 streams do not fit scenario '{kind}'; choose multi-stream or offline"):
        Scenario(kind, rate_hz=rate, streams=2)  # type: ignore[arg-type]


def test_the_deadline_of_a_periodic_scenario_is_its_period() -> None:
    assert Scenario("periodic", rate_hz=30).limit_ns == 33_333_333
    assert Scenario("periodic", rate_hz=30, deadline_ns=5).limit_ns == 5
    assert Scenario("server", rate_hz=30).limit_ns is None
