"""The one record of a qualify or bench run."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import msgspec

from edgetl.check import Check
from edgetl.environment import Environment
from edgetl.errors import InputError
from edgetl.evaluation import Interval
from edgetl.layers import Layers, Roofline
from edgetl.machine_state import MachineState
from edgetl.measurement import Scope
from edgetl.pair import Pair
from edgetl.scenario import Scenario
from edgetl.soundness import contradictions
from edgetl.telemetry import Energy, Telemetry
from edgetl.validity import Validity

SCHEMA: Final = "edgetl.result/1"


class BundleIdentity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which bundle, or which plain model file, was judged."""

    name: str
    version: int | None
    sha256: str


class Percentile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One percentile, and between which samples the truth lies; nothing is assumed of their distribution."""

    percent: float
    value_ns: int
    """Nearest rank."""
    low_ns: int | None
    """Ends of the two-sided 95 % interval; ``None`` where n gives no finite one."""
    high_ns: int | None
    bound_ns: int
    """One-sided 99 % upper bound, by which limits are judged: LoadGen's early-stopping estimate."""


class Latency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Latency of one candidate; a percentile that the sample count does not support is ``None``."""

    scope: Scope
    n: int
    p50_ns: int | None
    p90_ns: int | None
    p95_ns: int | None
    p99_ns: int | None
    p999_ns: int | None
    min_ns: int
    max_ns: int
    warmup: int
    """Calls made before measuring; not among the samples."""
    steady: bool
    """Whether warm-up ended because latency had settled, not because its time was up."""
    samples_ns: tuple[int, ...]
    """Every sample, in time order."""
    blocks: tuple[int, ...]
    """Lengths of the interleaved blocks."""
    block_starts_ns: tuple[int, ...] = ()
    """When each block began, on a monotonic clock; readings of sensors use the same."""
    block_ends_ns: tuple[int, ...] = ()
    """When each block ended; where one of every few inferences was timed, all of them lie between."""
    percentiles: tuple[Percentile, ...] = ()
    """Those that the sample count supports, with how far each is known; empty in files of older versions."""

    def percentile(self, percent: float) -> Percentile | None:
        """How far a percentile is known; ``None`` where the samples do not support it, or an old file does not say."""
        return next((one for one in self.percentiles if one.percent == percent), None)


class Heaps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Blocks of a candidate of which only throughput counts, in time order; each is of at least one inference."""

    starts_ns: tuple[int, ...]
    """On a monotonic clock; readings of sensors use the same."""
    walls_ns: tuple[int, ...]
    """From the beginning of each to the end of its last inference."""
    inferences: tuple[int, ...]
    """Done in each, by all streams together; each is of a whole batch."""

    @property
    def samples_ns(self) -> tuple[int, ...]:
        """Time per inference of each block, at least 1: what blocks with one sample each would have."""
        return tuple(max(1, round(wall / done)) for wall, done in zip(self.walls_ns, self.inferences, strict=True))

    @property
    def blocks(self) -> tuple[int, ...]:
        """Each has one sample."""
        return (1,) * len(self.walls_ns)


class Cold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happens once, in a fresh process: of the model alone in every scope, with the candidate's batch."""

    build_ns: int
    """Where nothing was built before."""
    load_ns: int
    """Until the model is ready, with what was built before."""
    first_inference_ns: int
    peak_rss_bytes: int | None
    """Peak resident memory of that process, with Python and the runtime."""
    import_ns: int | None = None
    """Of the runtime, before all that; ``None`` in older files, where ``build_ns`` and ``load_ns`` include it."""


class CandidateResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to run one variant, judged."""

    name: str
    variant: str
    rendering: str
    precision: str
    runtime: str
    threads: int
    checks: tuple[Check, ...]
    accuracy: Interval | None
    latency: Latency | None
    end_to_end: Latency | None
    cold: Cold | None
    size_bytes: int
    rejected_because: str | None
    service: Latency | None = None
    """Time of the work itself, where ``latency`` counts from when an inference was due."""
    throughput_per_s: float | None = None
    """Items by wall time: a batch of 8 counts as 8."""
    deadline_misses: int | None = None
    """Inferences that took longer than the scenario allows, and dropped ones; back to back, of those timed."""
    dropped: int | None = None
    """Inferences that were not begun, because another ran."""
    overhead_ns: float | None = None
    """What timing and checking add to each sample: median of a runner that hands nothing over and answers nothing.

    Setting the runtime's inputs and copying its outputs is not in it: see ``adapter_ns``."""
    energy: Energy | None = None
    layers: Layers | None = None
    roofline: Roofline | None = None
    validity: Validity | None = None
    scope: Scope = "infer"
    """What latency, service, throughput and energy cover; ``cold`` is of the model alone in every scope."""
    batch: int = 1
    """Items in one inference: latency is that of a whole batch, throughput and energy count items."""
    heaps: Heaps | None = None
    """Of an offline run, which has no latency; ``None`` in files of older versions."""
    adapter_ns: float | None = None
    """What setting the runtime's inputs and copying its outputs takes of each sample, where the runtime tells its own
    time: median, besides ``overhead_ns``."""


class Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One qualify or bench run with the environment it ran in."""

    schema: Literal["edgetl.result/1"]
    edgetl_version: str
    bundle: BundleIdentity
    target: str
    effort: Literal["quick", "standard", "rigorous", "sustained"]
    environment: Environment
    candidates: tuple[CandidateResult, ...]
    selected: str | None
    """The fastest that passed every check; of ``bench``, which checks nothing, the fastest that is not invalid."""
    passed: bool
    """Whether there is one."""
    remarks: tuple[str, ...] = ()
    """What a reader must know besides, such as gates that were not judged."""
    scenario: Scenario | None = None
    started_utc: str | None = None
    """ISO 8601."""
    state: MachineState | None = None
    telemetry: Telemetry | None = None
    comparisons: tuple[Pair, ...] | None = None
    """Of ``bench``, from blocks that took turns: each candidate, the second, against its reference, the first;
    ``None`` where nothing was compared, as in older files."""
    strict: tuple[str, ...] | None = None
    """Codes that were named with ``--strict``, so that each makes a measurement invalid whatever its severity; ``None``
    in files of older versions, which do not say."""

    @property
    def is_invalid(self) -> bool:
        """Whether the timing of any candidate was found invalid."""
        return any(one.validity is not None and one.validity.verdict == "invalid" for one in self.candidates)

    def candidate(self, name: str) -> CandidateResult:
        """The candidate of that name.

        Raises:
            InputError: there is none.
        """
        for candidate in self.candidates:
            if candidate.name == name:
                return candidate
        raise InputError(f"no candidate {name!r} in the result; it has {', '.join(c.name for c in self.candidates)}")


def read_result(path: Path) -> Result:
    """Read a result file.

    Raises:
        InputError: missing, not JSON, of another schema, or in contradiction with itself.
    """
    try:
        result = msgspec.json.decode(path.read_bytes(), type=Result)
    except OSError as error:
        raise InputError(f"cannot read result {str(path)!r} ({error.strerror})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{str(path)!r} is not a result of schema {SCHEMA!r}: {error}; "
            "give a JSON file that edgetl bench -o, qualify -o or deploy wrote"
        ) from error
    if (wrong := next(contradictions(result), None)) is not None:
        raise InputError(f"{str(path)!r} is a damaged result, or was changed by hand: {wrong}; measure again")
    return result
