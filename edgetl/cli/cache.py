"""``edgetl cache``: what is kept to save work."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgetl.cli.amounts import age_s, size_bytes
from edgetl.cli.options import cache as cache_option
from edgetl.cli.options import common
from edgetl.cli.output import Output

if TYPE_CHECKING:
    from edgetl.device.cached_files import Limits


@click.group(no_args_is_help=False)
def cache() -> None:
    """Show or prune what is kept to save work: all of it can be made again.

    Every sub-command takes --json, --quiet and --verbose.
    """


@cache.command()
@cache_option
@common
def path(output: Output, cache: Path | None) -> None:
    """Print where the cache is."""
    root = _root(cache)
    if output.as_json:
        output.document({"path": root})
    else:
        output.text(str(root))


@cache.command()
@cache_option
@common
def show(output: Output, cache: Path | None) -> None:
    """Say what is in the cache: files and size of each kind, and when they were last used."""
    from edgetl.device.cached_files import cached_files, usage
    from edgetl.report.cache import cache_page

    root = _root(cache)
    files = cached_files(root)
    kinds, size = usage(files), sum(file.size_bytes for file in files)
    document = {"path": root, "files": len(files), "size_bytes": size, "kinds": kinds}
    output.answer(document, cache_page(root, kinds, time.time()))


@cache.command()
@click.option("--max-size", callback=size_bytes, metavar="SIZE", help="Keep at most this much, as in 5GB.")
@click.option("--older-than", callback=age_s, metavar="AGE", help="Remove what was not used for this long, as in 30d.")
@click.option("--all", "everything", is_flag=True, help="Remove all.")
@click.option("--kind", multiple=True, metavar="KIND", help="Look at files of this kind only; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@cache_option
@common
def prune(output: Output, dry_run: bool, cache: Path | None, **limits: Any) -> None:
    """Remove files from the cache, the least recently used first.

    Only files that EdgeTL made there are removed. Temporary files younger than a day stay, because a process may be
    writing them. A run that is using the cache may have to start again when files that it needs go: use --all when
    nothing runs.
    """
    chosen = _limits(**limits)
    from edgetl.device.cached_files import cached_files, foreseen, plan, remove
    from edgetl.report.cache import pruned_page

    root = _root(cache)
    files = cached_files(root)
    planned = plan(files, chosen, time.time())
    pruned = foreseen(files, planned) if dry_run else remove(files, planned)
    output.answer({"path": root, "dry_run": dry_run, "pruned": pruned}, pruned_page(root, pruned, dry_run))
    if pruned.failed:
        click.echo(f"edgetl: {len(pruned.failed)} files could not be removed", err=True)
        raise click.exceptions.Exit(1)


def _limits(max_size: int | None, older_than: float | None, everything: bool, kind: tuple[str, ...]) -> Limits:
    """What the flags ask for.

    Raises:
        click.UsageError: nothing is asked for, flags contradict each other, or there is no such kind.
    """
    from edgetl.device.cached_files import KINDS, Limits

    if everything and (max_size is not None or older_than is not None):
        raise click.UsageError("--all leaves nothing to --max-size or --older-than; give one or the other")
    if not everything and max_size is None and older_than is None:
        raise click.UsageError("say what to remove: --max-size SIZE, --older-than AGE or --all")
    unknown = [name for name in kind if name not in KINDS]
    if unknown:
        raise click.UsageError(f"unknown kind {unknown[0]!r}; expected one of: {', '.join(KINDS)}")
    kinds = tuple(name for name in KINDS if not kind or name in kind)
    return Limits(0 if everything else max_size, older_than, kinds)


def _root(cache: Path | None) -> Path:
    """The folder given, else the user's; it need not exist.

    Raises:
        InputError: it is a file, or this user has no home folder.
    """
    from edgetl.device.cache_dir import cache_dir_of
    from edgetl.errors import InputError

    root = cache_dir_of() if cache is None else cache
    if root.exists() and not root.is_dir():
        raise InputError(f"cache {str(root)!r} is a file; expected a folder; give --cache or set EDGETL_CACHE")
    return root
