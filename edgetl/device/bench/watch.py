"""What happened to the machine while something was measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeAlias

import msgspec

from edgetl.device.bench.energy import Window, tells_power
from edgetl.device.bench.telemetry.recorder import Recorder, recording
from edgetl.device.bench.throttling import throttle_findings
from edgetl.device.probe.jetson import output_of
from edgetl.device.probe.preflight import preflight
from edgetl.device.probe.state import WINDOW_S, machine_state
from edgetl.device.probe.usage import busy_share, usage, usage_findings
from edgetl.environment import Environment
from edgetl.machine_state import MachineState, Usage
from edgetl.telemetry import Telemetry
from edgetl.validity import Finding

IDLE_S = 5.0
"""How long a device is left alone to learn what it draws then."""
_FIRST_READINGS_S = 1.2


class Watch:
    """The machine before, during and after; complete once :func:`watching` has ended."""

    def __init__(
        self,
        state: MachineState,
        recorder: Recorder,
        clock: Callable[[], int],
        root: Path = Path("/"),
        threads: int | None = None,
    ) -> None:
        """Remember the counters of now.

        Args:
            root: where ``proc`` and ``sys`` are; another tree in tests.
            threads: of all inferences at once; ``None`` when unknown.
        """
        self._recorder, self._clock, self._root, self._threads = recorder, clock, root, threads
        self._children = () if recorder.process_id is None else (str(recorder.process_id),)
        self.state, self._before, self._began_ns = state, self._usage(), clock()
        self.idle_ns: Window | None = None
        self.active_ns: Window = (self._began_ns, self._began_ns)
        self._caused: tuple[Finding, ...] = ()
        self._knows_load = False

    @property
    def telemetry(self) -> Telemetry:
        """What sensors said."""
        return self._recorder.telemetry

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that speaks against what was measured meanwhile.

        A code that was found twice stands once, with the words and the evidence of both.
        Where the load of the whole run is known, the short look at it beforehand says nothing.
        """
        earlier = [one for one in self.state.findings if not (self._knows_load and one.code == "W-LOAD")]
        seen = (*self._caused, *throttle_findings(self.telemetry, self.active_ns, self.state.affinity), *earlier)
        return tuple(_merged([one for one in seen if one.code == code]) for code in dict.fromkeys(s.code for s in seen))

    def rest(self, sleep: Callable[[float], None]) -> None:
        """Leave the device alone for a while, if a sensor tells what it draws."""
        if tells_power(self.telemetry):
            start_ns = self._clock()
            sleep(IDLE_S)
            self.idle_ns = (start_ns, self._clock())

    def begin(self) -> None:
        """Measuring begins now."""
        self._before, self._began_ns = self._usage(), self._clock()

    def end(self) -> None:
        """Measuring has ended."""
        self.active_ns = (self._began_ns, self._clock())
        after = self._usage()
        self._caused = usage_findings(self._before, after, self._threads)
        self._knows_load = busy_share(self._before, after) is not None

    def _usage(self) -> Usage:
        return usage(self._root, self._children)


def _merged(found: Sequence[Finding]) -> Finding:
    """Of one code."""
    evidence = {name: value for one in reversed(found) for name, value in one.evidence.items()}
    return Finding(found[0].code, "; also: ".join(dict.fromkeys(one.message for one in found)), evidence)


Watching: TypeAlias = "Callable[[Environment, int | None, Callable[[], int]], AbstractContextManager[Watch]]"
"""How to watch: :func:`watching`, or what a test puts in its place."""


@contextmanager
def watching(here: Environment, threads: int | None, clock: Callable[[], int], streams: int = 1) -> Iterator[Watch]:
    """Look at the machine, read its sensors while the block runs, and look again; nothing is changed.

    Args:
        here: the machine.
        threads: that will be used in each stream.
        clock: of the samples.
        streams: how many inferences will run at once.
    """
    state = machine_state(run=output_of, window_s=WINDOW_S)
    state = msgspec.structs.replace(state, findings=preflight(state, here, threads, streams))
    with recording() as recorder:
        # a first reading tells whether power can be known at all
        time.sleep(_FIRST_READINGS_S)
        yield Watch(state, recorder, clock, threads=None if threads is None else threads * streams)
