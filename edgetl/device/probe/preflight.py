"""What speaks against measuring now, before anything is measured; every finding says what to type."""

from __future__ import annotations

import re
from collections.abc import Iterable

from edgetl.device.kernel.throttle_counters import PI_BITS
from edgetl.device.probe.cgroup import within_quota
from edgetl.device.probe.cpu import INT8_DOT, X86
from edgetl.device.probe.usage import slows
from edgetl.environment import Cpu, Environment
from edgetl.machine_state import Clock, MachineState, cpu_ranges
from edgetl.validity import Finding

_FREE_MIN_BYTES = 512 << 20
_FREE_MIN_SHARE = 0.1
"""Whichever is less: small boards have little, large ones need no tenth of theirs."""
_PRESSURE_MAX = 0.1
_STEADY_GOVERNORS = frozenset({"performance", "userspace"})
_ALL_PERFORMANCE = "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"


def preflight(state: MachineState, here: Environment, threads: int | None, streams: int = 1) -> tuple[Finding, ...]:
    """Judge the machine; what is unknown says nothing.

    Args:
        state: how it stands, its ``load_by_others`` watched (the load average is only asked where that is unknown,
            because it remembers this process's own work of the last minute, and never under a quota, because it is that
            of the whole machine).
        here: what lasts.
        threads: how many are to infer in each stream; ``None`` when the runtime decides.
        streams: how many inferences run at once.
    """
    findings = (
        _governor(state),
        _turbo(state),
        _clocks(state),
        _load(state, here, None if threads is None else threads * streams),
        _threads(state, here, threads, streams),
        _affinity(state, here),
        _memory(state, here),
        _power_source(state),
        _int8(here.cpu),
    )
    return tuple(finding for finding in findings if finding is not None)


def allowed_cpus(state: MachineState, here: Environment) -> int:
    """CPUs that this process may use after affinity and the container's quota, at least one."""
    return within_quota(len(state.affinity) or here.cpu.allowed_cpus, state.cpu_quota)


def usable_clocks(state: MachineState) -> list[Clock]:
    """Clocks of the CPUs that this process may use."""
    allowed = {f"cpu{cpu}" for cpu in state.affinity}
    return [clock for clock in state.clocks if _is_cpu(clock) and (not allowed or clock.name in allowed)]


def _governor(state: MachineState) -> Finding | None:
    cpus = usable_clocks(state)
    varying = [cpu for cpu in cpus if cpu.governor not in (None, *_STEADY_GOVERNORS) and cpu.is_pinned is not True]
    if not varying:
        return None
    names = ", ".join(sorted({repr(cpu.governor) for cpu in varying}))
    command = "sudo jetson_clocks" if state.platform_release else _ALL_PERFORMANCE
    return Finding(
        "W-GOVERNOR",
        f"CPU governor {names} changes the clock of {len(varying)} of {len(cpus)} CPUs{_span(varying)} while "
        f"measuring; to hold it: {command}",
        {"governor": names, "cpus": float(len(varying))},
    )


def _turbo(state: MachineState) -> Finding | None:
    if state.turbo != "on":
        return None
    drivers = {clock.driver or "" for clock in state.clocks}
    if any(driver.startswith("intel_") for driver in drivers):
        command = "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo"
    else:
        command = "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost"
    return Finding(
        "W-TURBO",
        f"turbo is on{_span(usable_clocks(state))}: clocks depend on heat and neighbours; to switch it off: {command}",
    )


def _clocks(state: MachineState) -> Finding | None:
    """GPU and memory; of CPUs the governor tells."""
    loose = [clock for clock in state.clocks if not _is_cpu(clock) and clock.is_pinned is False]
    if not loose:
        return None
    ranges = "; ".join(f"{clock.name} is{_span([clock])}" for clock in loose)
    advice = "to pin them: sudo jetson_clocks" if state.platform_release else "pin them if the numbers must repeat"
    return Finding("W-CLOCKS", f"clocks are not pinned ({ranges}); {advice}", {"clocks": float(len(loose))})


def _load(state: MachineState, here: Environment, threads: int | None) -> Finding | None:
    evidence: dict[str, float | str] = {}
    for name, value in (
        ("load_by_others", state.load_by_others),
        ("load_average", state.load_average),
        ("cpu_pressure", state.pressure.cpu),
    ):
        if value is not None:
            evidence[name] = value
    cpus = allowed_cpus(state, here)
    average, pressure = state.load_average, state.pressure.cpu
    if state.load_by_others is not None:
        if not slows(state.load_by_others, cpus, threads):
            return None
        limit = f"the {_cpus(cpus)} that this process may use"
        if state.cpu_quota is not None and state.cpu_quota < (len(state.affinity) or here.cpu.logical_cpus):
            limit = f"the container's quota of {state.cpu_quota:g} CPUs"
        message = f"others take {state.load_by_others * 100:.0f} % of {limit}"
    elif state.cpu_quota is None and average is not None and average > cpus / 2:
        message = f"load average is {average:.1f} on {_cpus(cpus)} that this process may use"
    elif pressure is not None and pressure > _PRESSURE_MAX:
        message = f"tasks waited for a CPU in {pressure * 100:.0f} % of the last 10 s"
    else:
        return None
    return Finding("W-LOAD", f"{message}: latency is inflated; stop what else runs (top shows it)", evidence)


def _threads(state: MachineState, here: Environment, threads: int | None, streams: int) -> Finding | None:
    cpus = allowed_cpus(state, here)
    if threads is None or threads * streams <= cpus:
        return None
    quota = "" if state.cpu_quota is None else f", quota {state.cpu_quota:g} CPUs"
    who, advice = f"{threads} threads", f"--threads {max(1, cpus // streams)}"
    if streams > 1:
        who = f"{threads * streams} threads ({threads} in each of {streams} streams)"
    if streams > cpus:
        advice = f"--streams {cpus}{' or fewer' if cpus > 1 else ''}, with --threads 1"
    return Finding(
        "W-THREADS",
        f"{who} wait for each other on {_cpus(cpus)} that this process may use (affinity "
        f"{cpu_ranges(state.affinity)}{quota}); use {advice}",
        {"threads": float(threads * streams), "allowed_cpus": float(cpus)},
    )


def _affinity(state: MachineState, here: Environment) -> Finding | None:
    allowed, all_cpus = len(state.affinity), here.cpu.logical_cpus
    if not 0 < allowed < all_cpus:
        return None
    return Finding(
        "W-AFFINITY",
        f"this process may use {allowed} of {all_cpus} CPUs ({cpu_ranges(state.affinity)}); to allow all: "
        f"taskset -c 0-{all_cpus - 1} edgetl ..., or docker run --cpuset-cpus 0-{all_cpus - 1}",
        {"allowed_cpus": float(allowed), "cpus": float(all_cpus)},
    )


def _memory(state: MachineState, here: Environment) -> Finding | None:
    free, waiting = state.memory_available_bytes, state.pressure.memory
    limit = min(_FREE_MIN_BYTES, (here.memory_bytes or _FREE_MIN_BYTES) * _FREE_MIN_SHARE)
    is_short, is_pressed = free is not None and free < limit, waiting is not None and waiting > _PRESSURE_MAX
    if not is_short and not is_pressed:
        return None
    words = [] if free is None else [f"{free / 1e6:,.0f} MB of memory are free"]
    words += [] if state.swap_used_bytes is None else [f"{state.swap_used_bytes / 1e6:,.0f} MB are swapped out"]
    words += [] if waiting is None else [f"tasks waited for memory in {waiting * 100:.0f} % of the last 10 s"]
    evidence: dict[str, float | str] = {} if free is None else {"memory_available_bytes": float(free)}
    return Finding("W-MEMORY", f"{', '.join(words)}; close what takes it (ps aux --sort=-rss shows it)", evidence)


def _power_source(state: MachineState) -> Finding | None:
    """Bits of the supply alone: heat and the clocks it costs are watched while measuring."""
    flags = state.pi_throttled
    if flags is None or not flags & 0x10001:
        return None
    now = [name for bit, name in enumerate(PI_BITS) if flags >> bit & 1]
    when = f"now: {', '.join(now)}" if flags & 1 else "since boot"
    return Finding(
        "W-POWER-SOURCE",
        f"the supply voltage is or was too low ({when}; vcgencmd get_throttled prints 0x{flags:x}); use the supply and "
        "the cable that the board asks for, then reboot",
        {"get_throttled": f"0x{flags:x}"},
    )


def _int8(cpu: Cpu) -> Finding | None:
    isa = set(cpu.isa)
    if cpu.architecture in X86:
        missing = None if isa & INT8_DOT else "VNNI (avx512_vnni, avx_vnni or amx_int8)"
    else:
        missing = None if "asimddp" in isa else "asimddp"
    if missing is None:
        return None
    return Finding(
        "W-ISA-INT8",
        f"the CPU has no int8 dot product ({missing}), so int8 may be slower than fp32; measure both",
        {"architecture": cpu.architecture},
    )


def _is_cpu(clock: Clock) -> bool:
    return re.fullmatch(r"cpu\d+", clock.name) is not None


def _span(clocks: Iterable[Clock]) -> str:
    """`` between 600 and 1,500 MHz``; nothing when a bound is unknown."""
    low = [clock.min_hz for clock in clocks if clock.min_hz is not None]
    high = [clock.max_hz for clock in clocks if clock.max_hz is not None]
    return f" between {min(low) / 1e6:,.0f} and {max(high) / 1e6:,.0f} MHz" if low and high else ""


def _cpus(count: int) -> str:
    return "1 CPU" if count == 1 else f"{count} CPUs"
