from __future__ import annotations

from typing import get_args

import pytest

from edgetl.device.bench.plan import HEADLINE, PLANS, Effort
from edgetl.measurement import SUPPORT


@pytest.mark.parametrize("effort", get_args(Effort))
def test_an_effort_takes_samples_enough_for_the_percentile_it_promises(effort: Effort) -> None:
    assert PLANS[effort].min_samples == SUPPORT[HEADLINE[effort]]
