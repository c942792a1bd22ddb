"""Sentences whose sentiment people rated, from the source archive of vaderSentiment (MIT licence).

They are of reviews of products and films, editorials and tweets. Each was rated by at least 20 people, from -4
(extremely negative) to 4; the class is the sign of the mean.

References:
    Hutto and Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text", ICWSM 2014.
"""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO

from edgetl.errors import DataError
from edgetl.host.data.dataset import Dataset, Sample

CLASSES = ("negative", "positive")
KINDS = ("amazonReviewSnippets", "movieReviewSnippets", "nytEditorialSnippets", "tweets")
RATING_MIN = 1.0
"""Distance of a mean rating from neutral; sentences of less are left out, because nobody knows their class."""
_ARCHIVE = "hutto_ICWSM_2014.tar.gz"


def rated_sentences(archive: Path) -> Dataset:
    """All that are clearly of one class; sentences of one review or article are of one group.

    Args:
        archive: ``vaderSentiment-VERSION.tar.gz``.

    Raises:
        DataError: the sentences are not in it.
    """
    with tarfile.open(archive) as outer, tarfile.open(fileobj=_member(outer, _ARCHIVE)) as inner:
        files = {kind: _member(inner, f"{kind}_GroundTruth.txt").read() for kind in KINDS}
    return Dataset(CLASSES, tuple(one for kind, content in files.items() for one in samples_of(kind, content.decode())))


def samples_of(kind: str, text: str) -> list[Sample]:
    """Of a file's lines, each a number such as ``12_3`` (third sentence of the 12th text), a rating and a sentence."""
    samples = []
    for line in filter(None, text.replace("\r", "").split("\n")):
        number, rating, sentence = line.split("\t", 2)
        if abs(float(rating)) < RATING_MIN:
            continue
        content, group = sentence.strip().encode(), f"{kind} {number.partition('_')[0]}"
        sha256 = hashlib.sha256(content).hexdigest()
        samples.append(Sample(content, int(float(rating) > 0), group=group, sha256=sha256))
    return samples


def text_of(sample: Sample) -> str:
    """The sentence, which stands where a sample has its picture."""
    assert isinstance(sample.image, bytes), "see samples_of"
    return sample.image.decode()


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = [one for one in archive.getmembers() if PurePosixPath(one.name).name == name]
    file = archive.extractfile(found[0]) if found else None
    if file is None:
        raise DataError(f"no {name!r} in {str(archive.name)!r}; expected the source archive of vaderSentiment 3")
    return file
