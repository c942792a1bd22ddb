"""EdgeTL beside other quantizers, from the same float networks and calibration samples.

    python benchmarks/peers/run.py lite0-probe -o benchmarks/results/x86-vnni/peers-lite0-probe.json
    python benchmarks/peers/run.py lite0-probe --tools nncf_ptq edgetl_prepare --no-timing

Every tool builds in a virtual environment of its own, made with pip, with the settings its documentation recommends;
EdgeTL's environment then runs all outputs over the test split, and times them in one interleaved run. What was built
of the same inputs with the same versions is not built again, but for what is compared by how long it takes to build.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

# this file is run by its path, and its neighbours are named as the tests name them
sys.path.insert(0, str(Path(__file__).parents[1]))

import record
from peers.build import Bench, Finished, Output, finished
from peers.cases import CASES, Case
from peers.contenders import Contender, chosen
from peers.evaluation import Judged, Way, float_ways, judged, refusal, row, ways_of
from peers.machine import advice
from peers.material import Material, Place, material
from peers.race import needless_because, race, terms_of
from peers.timing import block_medians_ms, latency_columns, timed
from peers.verdict import fresh_split, fresh_splits, is_choice, verdict

from edgetl.device.bench.plan import PLANS
from edgetl.device.probe import environment
from edgetl.device.qualify import Settings
from edgetl.errors import EdgeTLError
from edgetl.progress import Silent
from edgetl.recipe import Recipe


class Lines(Silent):
    """Remarks on stderr."""

    def note(self, message: str) -> None:
        tell(message)


def tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def one_case(name: str, case: Case, arguments: argparse.Namespace) -> dict[str, Any]:
    """Build, run and time everything of one case; a row for each output in each runtime."""
    recipe = case.read(name)
    made, bench = _prepared(recipe, case, arguments)
    outputs: list[Finished] = []
    for contender in filter(case.suits, chosen(arguments.tools)):
        outputs.append(built(contender, outputs, made, bench, arguments.timing))
    judgements, rows = _judged(outputs, made, arguments)
    measured: dict[str, Any] = {"case": name, "title": case.title}
    measured |= {"recipe_sha256": recipe.sha256, "material_sha256": made.sha256}
    if arguments.timing:
        measured |= _timed([one.way for one in judgements], made, rows, case.choosing, arguments)
    if arguments.splits:
        measured |= fresh_splits([_fresh(recipe, seed + 1, case, arguments) for seed in range(arguments.splits)])
    found = {**verdict(rows, made.gates, case.choosing), **race(outputs, rows)}
    return {**found, **measured, "rows": rows, "builds": [_told(done) for done in outputs]}


def built(contender: Contender, before: Sequence[Finished], made: Material, bench: Bench, is_timed: bool) -> Finished:
    """Build and say so."""
    because = needless_because(contender, before)
    if because is not None:
        tell(f"{contender.name}: {because}")
        return Finished(contender, bench.cache, Output({}, failed=because))
    tell(f"{contender.name}: building")
    done = finished(contender, made, bench, terms_of(contender, before, is_timed))
    earlier = " in an earlier run" if done.reused else ""
    tell(f"{contender.name}: {done.output.failed or f'{done.output.seconds:.1f} s'}{earlier}")
    return done


def _prepared(recipe: Recipe, case: Case, arguments: argparse.Namespace) -> tuple[Material, Bench]:
    made = material(recipe, Place(case.folder, arguments.cache / "cases", arguments.threads), case.maker, Lines())
    ours = {"recipe": msgspec.to_builtins(recipe), "base": str(case.folder), "threads": arguments.threads}
    return made, Bench(arguments.cache, {**({"transformer": True} if case.transformer else {}), **advice()}, ours)


def _judged(
    outputs: Sequence[Finished], made: Material, arguments: argparse.Namespace
) -> tuple[list[Judged], list[dict[str, Any]]]:
    """Everything that runs, the float model first, and rows of this and of what does not run."""
    inputs, labels = made.test_split()
    ways, rows = list(float_ways(made.model)), list[dict[str, Any]]()
    for done in outputs:
        found, failed = _ways(done, made, Settings(arguments.effort, arguments.cache / "qualified"))
        ways += found
        rows += failed
    judgements: list[Judged] = []
    for way in ways:
        try:
            judgements.append(judged(way, inputs, arguments.threads))
        except EdgeTLError as error:
            rows.append(refusal(way, error))
            continue
        rows.append(row(judgements[-1], judgements[0], labels, made.gates))
        tell(f"{way.name}: accuracy {rows[-1]['accuracy']:.4f}, {100 * rows[-1]['flips']:.1f} % flips")
    return judgements, rows


def _fresh(recipe: Recipe, seed: int, case: Case, arguments: argparse.Namespace) -> dict[str, Any]:
    """EdgeTL's choice on another division of the data, from training to the test split; nothing is timed."""
    other = msgspec.structs.replace(recipe, data=msgspec.structs.replace(recipe.data, split_seed=seed))
    tell(f"division {seed} of the data")
    made, bench = _prepared(other, case, arguments)
    _, rows = _judged([built(case.choosing, (), made, bench, False)], made, arguments)
    return fresh_split(seed, rows, case.choosing)


def _ways(done: Finished, made: Material, settings: Settings) -> tuple[tuple[Way, ...], list[dict[str, Any]]]:
    if done.output.failed is None:
        try:
            return ways_of(done, made.model, settings), []
        except EdgeTLError as error:
            return (), [{"tool": done.contender.name, "failed": str(error)}]
    return (), [{"tool": done.contender.name, "failed": done.output.failed}]


def _timed(
    ways: Sequence[Way],
    made: Material,
    rows: list[dict[str, Any]],
    choosing: Contender,
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    """Put latencies into the rows; returns what the record keeps beside."""
    found = timed(ways, made.test_split()[0], arguments.threads, arguments.effort)
    names = {(way.tool, way.runtime, way.precision): way.name for way in ways}
    ours = next((names[_key(one)] for one in rows if is_choice(one, choosing) and _key(one) in names), None)
    for one in rows:
        if _key(one) in names:
            one |= latency_columns(names[_key(one)], found, ways[0].name, ours)
    return {"raw_block_medians_ms": {name: block_medians_ms(one) for name, one in found.items()}}


def _key(one: dict[str, Any]) -> tuple[str, str, str]:
    return one["tool"], one.get("runtime", ""), one.get("precision", "")


def _told(done: Finished) -> dict[str, Any]:
    """What the record keeps of a build."""
    output = done.output
    file = done.folder / output.model if output.model else None
    told = {"tool": done.contender.name, "reused": done.reused, **msgspec.to_builtins(output)}
    return {**told, "size_bytes": file.stat().st_size if file else None}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cases", nargs="+", choices=sorted(CASES), metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--tools", nargs="+", help="files in tools/, or names as the table has them; by default all")
    parser.add_argument("-o", type=Path, dest="out", help="file of one case, folder of several")
    parser.add_argument("--cache", type=Path, default=Path("build/peers"))
    parser.add_argument("--threads", type=int, default=environment().cpu.allowed_cpus)
    parser.add_argument("--effort", choices=list(PLANS), default="standard")
    parser.add_argument("--no-timing", dest="timing", action="store_false", help="accuracy only")
    parser.add_argument("--splits", type=int, default=0, help="EdgeTL's accuracy on so many other divisions, too")
    arguments = parser.parse_args()
    try:
        chosen(arguments.tools)
    except ValueError as error:
        parser.error(str(error))
    arguments.cache = arguments.cache.resolve()
    code = 0
    for name in arguments.cases:
        measured = one_case(name, CASES[name], arguments)
        several = len(arguments.cases) > 1 and arguments.out is not None
        out = arguments.out / f"peers-{name}.json" if several else arguments.out
        passed, limit = measured.pop("passed"), measured.pop("limit")
        code = max(code, record.write(out, f"EdgeTL beside other quantizers, {name}", limit, measured, passed))
    return code


if __name__ == "__main__":
    raise SystemExit(main())
