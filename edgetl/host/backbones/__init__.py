"""Pre-trained models: where their weights come from, and where they can be cut."""

from edgetl.host.backbones.backbone import Backbone, load_backbone, reinitialised
from edgetl.host.backbones.cuts import Stage
from edgetl.host.backbones.stages import HEAD, Pooling, Trunk, part_widths, trunk, trunk_features

__all__ = [
    "HEAD",
    "Backbone",
    "Pooling",
    "Stage",
    "Trunk",
    "load_backbone",
    "part_widths",
    "reinitialised",
    "trunk",
    "trunk_features",
]
