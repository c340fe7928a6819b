"""Settings that several arms share, so that one name means one thing in the whole catalogue."""

from bench.setting import Setting

EMBEDDING = Setting(64, "dimension of the token embedding (tokens only)", minimum=1)


def units(default: int, of: str) -> Setting:
    """The width of an arm."""
    return Setting(default, of, minimum=1)


def layers(default: int, of: str) -> Setting:
    """The depth of an arm."""
    return Setting(default, of, minimum=1)


def dropout(default: float) -> Setting:
    """The share of activations dropped between layers while training."""
    return Setting(default, "share of activations dropped between layers in training", minimum=0.0, maximum=0.95)
