"""The body's regions: their public names, sides, limbs, and what is special about some of them. Pure: no Django."""

from __future__ import annotations

from collections.abc import Iterable

_WORDS: dict[str, tuple[str, str]] = {  # name -> (single, both); "" where the body has only one
    "head_face": ("head or face", ""),
    "neck": ("neck", ""),
    "shoulder": ("shoulder", "shoulders"),
    "upper_arm": ("upper arm", "upper arms"),
    "elbow": ("elbow", "elbows"),
    "forearm": ("forearm", "forearms"),
    "wrist_hand": ("wrist or hand", "wrists or hands"),
    "chest": ("chest", ""),
    "upper_back": ("upper back", ""),
    "lower_back": ("lower back", ""),
    "abdomen": ("belly", ""),
    "buttock": ("buttock", "buttocks"),
    "hip": ("hip", "hips"),
    "groin": ("groin", "groins"),
    "thigh": ("thigh", "thighs"),
    "knee": ("knee", "knees"),
    "calf": ("calf", "calves"),
    "shin": ("shin", "shins"),
    "ankle_foot": ("ankle or foot", "ankles or feet"),
}
_SIDES: dict[str, tuple[str, ...]] = {
    name: (f"left_{name}", f"right_{name}") if both else (name,) for name, (_, both) in _WORDS.items()
}
CONCRETE: tuple[str, ...] = tuple(side for sides_of in _SIDES.values() for side in sides_of)
REGIONS: tuple[str, ...] = tuple(dict.fromkeys((*_WORDS, *CONCRETE)))
_ORDER = {name: place for place, name in enumerate(CONCRETE)}

_ARM = ("upper_arm", "elbow", "forearm", "wrist_hand")
_LEG = ("thigh", "knee", "calf", "shin", "ankle_foot")
_LIMBS = tuple(frozenset(f"{side}_{part}" for part in limb) for side in ("left", "right") for limb in (_ARM, _LEG))


def sides(name: str) -> frozenset[str]:
    """Return the concrete regions that ``name`` means: without a side it means both ("calf" -> left and right).

    Raise ``ValueError`` naming the region and what is allowed.
    """
    if name in _SIDES:
        return frozenset(_SIDES[name])
    if name in _ORDER:
        return frozenset({name})
    raise ValueError(f"{name!r} is not a region; allowed: {', '.join(REGIONS)}")


def concrete(names: Iterable[str]) -> frozenset[str]:
    """Return all concrete regions that ``names`` mean. Raise ``ValueError`` as ``sides`` does."""
    return frozenset().union(*(sides(name) for name in names))


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return concrete regions once each, from head to foot, left before right."""
    return tuple(sorted(set(names), key=lambda name: _ORDER[name]))


def limb_of(name: str) -> frozenset[str]:
    """Return every concrete region of the limb that ``name`` is on (of both limbs, where it has no side).

    A region that is on no limb, such as the neck, stands for itself alone.
    """
    whole: set[str] = set()
    for side in sides(name):
        whole |= next((limb for limb in _LIMBS if side in limb), {side})
    return frozenset(whole)


def region_words(name: str) -> str:
    """Return a region in plain words: "left calf", "neck", and "both calves" where no side is given."""
    for side in ("left", "right"):
        if name.startswith(f"{side}_") and name in _ORDER:
            return f"{side} {_WORDS[name.removeprefix(f'{side}_')][0]}"
    if name not in _WORDS:
        raise ValueError(f"{name!r} is not a region; allowed: {', '.join(REGIONS)}")
    single, both = _WORDS[name]
    return f"both {both}" if both else single


NEAR_LUNG: frozenset[str] = concrete(("neck", "shoulder", "chest", "upper_back"))
# Where a bleed cannot be pressed: psoas and iliacus, tibialis posterior (Board Notice 121).
NOT_PRESSED: frozenset[str] = concrete(("abdomen", "shin"))


def near_lung(regions: Iterable[str]) -> bool:
    """Return whether any of ``regions`` is near the lung, so that its risk is acknowledged on its own."""
    return bool(concrete(regions) & NEAR_LUNG)
