from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from edgetl.device.probe import doctor, environment, remarks
from edgetl.environment import Cpu, Environment

X86 = """processor\t: 0
model name\t: Example CPU @ 2.00GHz
flags\t\t: fpu sse4_2 avx2 avx512f avx512_vnni amx_int8 hypervisor
processor\t: 1
model name\t: Example CPU @ 2.00GHz
flags\t\t: fpu sse4_2 avx2 avx512f avx512_vnni amx_int8 hypervisor
"""
RASPBERRY_PI_5 = """processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm aes crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU part\t: 0xd0b

processor\t: 1
Features\t: fp asimd
CPU part\t: 0xd0b

Revision\t: d04170
Model\t\t: Raspberry Pi 5 Model B Rev 1.0
"""


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_x86_flags_are_those_that_matter(tmp_path: Path) -> None:
    cpu = environment(write(tmp_path, {"proc/cpuinfo": X86})).cpu
    assert cpu.model == "Example CPU @ 2.00GHz"
    assert cpu.isa == ("amx_int8", "avx2", "avx512_vnni", "avx512f", "sse4_2")
    assert cpu.logical_cpus == 2


def test_an_arm_board_is_named(tmp_path: Path) -> None:
    files = {"proc/cpuinfo": RASPBERRY_PI_5, "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0"}
    found = environment(write(tmp_path, files))
    assert found.board == "Raspberry Pi 5 Model B Rev 1.0"
    assert found.cpu.model == "Cortex-A76"
    assert found.cpu.isa == ("asimd", "asimddp", "asimdhp", "fphp")


def cores(*parts: tuple[str, str], more: str = "") -> str:
    """``/proc/cpuinfo`` of an ARM kernel, a core for each implementer and part."""
    blocks = (
        f"processor\t: {n}\n{more}CPU implementer\t: {one[0]}\nCPU part\t: {one[1]}\n" for n, one in enumerate(parts)
    )
    return "\n".join(blocks)


@pytest.mark.parametrize(
    ("text", "model"),
    [
        pytest.param(
            cores(*[("0x41", "0xd05")] * 4, *[("0x41", "0xd0b")] * 4), "4x Cortex-A76 + 4x Cortex-A55", id="RK3588"
        ),
        pytest.param(
            cores(("0x41", "0xd07"), *[("0x4e", "0x003")] * 2, *[("0x41", "0xd07")] * 3),
            "4x Cortex-A57 + 2x Denver 2",
            id="Jetson TX2",
        ),
        pytest.param(cores(*[("0x4e", "0x004")] * 6), "Carmel", id="Jetson Xavier NX"),
        pytest.param(
            cores(*[("0x41", "0xd42")] * 6, more="model name\t: ARMv8 Processor rev 1 (v8l)\n"),
            "Cortex-A78AE",
            id="Jetson Orin",
        ),
        pytest.param(cores(*[("0x41", "0xd83")] * 14), "Neoverse-V3AE", id="Jetson Thor"),
        pytest.param(cores(("0x41", "0xd4b")), "Cortex-A78C", id="A78C"),
        pytest.param(cores(("0x4e", "0xd0b")), "ARM part 0xd0b", id="the same number of another maker"),
        pytest.param(
            cores(("0x41", "0xfff"), ("0x41", "0xd05")), "1x Cortex-A55 + 1x ARM part 0xfff", id="one unknown"
        ),
        pytest.param(
            cores(("0x41", "0xfff")) + "\nHardware\t: BCM2835\n", "BCM2835", id="unknown part of a named board"
        ),
    ],
)
def test_every_kind_of_core_is_named(tmp_path: Path, text: str, model: str) -> None:
    assert environment(write(tmp_path, {"proc/cpuinfo": text})).cpu.model == model


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    found = environment(tmp_path)
    assert (found.memory_bytes, found.board, found.container, found.load_average, found.cpu.governor) == (None,) * 5


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"sys/fs/cgroup/cpu.max": "100000 100000\n"}, id="v2"),
        pytest.param(
            {
                "proc/self/cgroup": "0::/system.slice/app\n",
                "sys/fs/cgroup/system.slice/cpu.max": "150000 100000\n",
                "sys/fs/cgroup/system.slice/app/cpu.max": "max 100000\n",
            },
            id="v2 of a parent",
        ),
        pytest.param(
            {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"},
            id="v1, less than one",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/docker/1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us": "100000\n",
                "sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us": "100000\n",
            },
            id="v1 of the own group",
        ),
    ],
)
def test_a_container_limit_counts(tmp_path: Path, files: dict[str, str]) -> None:
    assert environment(write(tmp_path, {"proc/cpuinfo": X86, **files})).cpu.allowed_cpus == 1


@pytest.mark.parametrize("text", ["max 100000\n", "", "nonsense\n", "100000 0\n"])
def test_no_container_limit_changes_nothing(tmp_path: Path, text: str) -> None:
    unlimited = environment(write(tmp_path / "a", {"proc/cpuinfo": X86})).cpu.allowed_cpus
    assert environment(write(tmp_path / "b", {"sys/fs/cgroup/cpu.max": text})).cpu.allowed_cpus == unlimited


def test_memory_is_what_the_container_may_use(tmp_path: Path) -> None:
    files = {"proc/meminfo": "MemTotal:       8000000 kB\nMemFree: 1 kB\n"}
    assert environment(write(tmp_path, files)).memory_bytes == 8_000_000 * 1024
    write(tmp_path, {"sys/fs/cgroup/memory.max": "1073741824\n"})
    assert environment(tmp_path).memory_bytes == 1 << 30


def test_governor_container_and_load_are_recorded(tmp_path: Path) -> None:
    files = {
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "schedutil\n",
        "proc/1/cgroup": "0::/kubepods/pod1\n",
        "proc/loadavg": "0.75 0.50 0.25 1/100 4242\n",
    }
    found = environment(write(tmp_path, files))
    assert (found.cpu.governor, found.container, found.load_average) == ("schedutil", "kubepods", 0.75)


def test_the_fingerprint_stays_when_only_the_load_changes(tmp_path: Path) -> None:
    one = environment(write(tmp_path, {"proc/cpuinfo": X86, "proc/loadavg": "0.75 0.50 0.25 1/100 4242\n"}))
    other = environment(write(tmp_path, {"proc/loadavg": "3.00 0.50 0.25 1/100 4242\n"}))
    assert one.load_average != other.load_average
    assert one.fingerprint == other.fingerprint
    changed = msgspec.structs.replace(one, runtimes={})
    assert changed.fingerprint != one.fingerprint


def test_environment_imports_no_runtime_and_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] in ("onnxruntime", "openvino")]:
        monkeypatch.delitem(sys.modules, module)
    start = time.process_time()
    environment()
    assert time.process_time() - start < 0.3
    assert not {"onnxruntime", "openvino"} & set(sys.modules)


def test_doctor_runs_a_model_on_what_is_installed() -> None:
    found = doctor()
    assert {finding.name for finding in found.host_packages} == {"torch", "timm", "onnx", "sklearn"}
    assert all(finding.available and finding.version for finding in found.runtimes)


def test_doctor_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setitem(sys.modules, "timm", None)
    found = doctor()
    reasons = {finding.name: finding.reason for finding in (*found.runtimes, *found.host_packages)}
    assert reasons["openvino"] == "openvino is not installed; run: pip install 'edgetl[openvino]'"
    assert "edgetl[host]" in reasons["timm"]


def test_doctor_tells_a_broken_runtime_from_a_missing_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] == "openvino"]:
        monkeypatch.delitem(sys.modules, module)
    write(tmp_path, {"openvino/__init__.py": "raise ImportError('libtbb.so.12: cannot open shared object file')\n"})
    monkeypatch.syspath_prepend(tmp_path)
    finding = next(finding for finding in doctor().runtimes if finding.name == "openvino")
    assert not finding.available
    assert "does not work" in finding.reason
    assert "libtbb.so.12" in finding.reason


def test_doctor_remarks_on_a_cpu_without_vnni(tmp_path: Path) -> None:
    remarks = doctor(write(tmp_path, {"proc/cpuinfo": "processor: 0\nflags: avx2\n"})).remarks
    assert any(remark.startswith("no VNNI") for remark in remarks)


def test_doctor_names_what_a_container_takes_away(make_tree: Callable[..., Path]) -> None:
    cpus = "".join(f"processor : {cpu}\n" for cpu in range(8))
    files = {"proc/cpuinfo": cpus, "proc/self/status": "Cpus_allowed_list:\t0-6\n", ".dockerenv": ""}
    found = doctor(make_tree("container", files))
    messages = {finding.code: finding.message for finding in found.state.findings}
    assert "this process may use 7 of 8 CPUs (0-6)" in messages["W-AFFINITY"]
    assert "MB of memory are free" in messages["W-MEMORY"]
    here = found.environment
    assert (here.container, here.cpu.logical_cpus, here.cpu.allowed_cpus) == ("docker", 8, 1)


def test_remarks_are_of_the_processor_alone(tmp_path: Path) -> None:
    busy = environment(write(tmp_path, {"proc/cpuinfo": X86, "proc/loadavg": "99.00 0.50 0.25 1/100 4242\n"}))
    assert busy.load_average == 99.0
    assert not any("busy" in remark or "load" in remark for remark in remarks(busy.cpu))


def test_memory_that_a_kernel_keeps_back_is_not_another_machine() -> None:
    here = msgspec.structs.replace(environment(), memory_bytes=16 << 30)
    updated = msgspec.structs.replace(here, memory_bytes=(16 << 30) - 40_000_000)
    assert updated.fingerprint == here.fingerprint
    assert msgspec.structs.replace(here, memory_bytes=8 << 30).fingerprint != here.fingerprint


@pytest.mark.parametrize("library", ["numpy", "pillow"])
def test_other_libraries_are_another_environment(library: str) -> None:
    here = environment()
    assert here.libraries[library]
    other = msgspec.structs.replace(here, libraries={**here.libraries, library: "0"})
    assert other.fingerprint != here.fingerprint


def test_boards_without_release_and_power_mode_keep_the_fingerprint_that_they_had() -> None:
    cpu = Cpu("Example CPU", "x86_64", ("avx2",), 4, 2, "performance")
    runtimes, libraries = {"onnxruntime": "1.20.0"}, {"numpy": "2.0.0"}
    here = Environment(
        "Linux", "6.1.0", "3.11.2", "0.1.0", cpu, 8 << 30, "Example board", None, runtimes, 0.5, libraries
    )
    assert here.fingerprint == "c1fae594c2e2edb864707cfccc72a6efd04d0caea58bf87b27597c01b55047ba"


def test_another_power_mode_is_another_environment(tmp_path: Path) -> None:
    files = {
        "etc/nv_tegra_release": "# R36 (release), REVISION: 4.3, GCID: 1\n",
        "etc/nvpmodel.conf": "< POWER_MODEL ID=0 NAME=MAXN >\n< POWER_MODEL ID=1 NAME=10W >\n",
        "var/lib/nvpmodel/status": "pmode:0000\n",
    }
    fast = environment(write(tmp_path, files))
    assert (fast.platform_release, fast.power_mode) == ("R36.4.3", "MAXN (0)")
    slow = environment(write(tmp_path, {"var/lib/nvpmodel/status": "pmode:0001\n"}))
    assert slow.power_mode == "10W (1)"
    assert slow.fingerprint != fast.fingerprint
