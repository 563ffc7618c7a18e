"""The body map: where each region is drawn, front and back. Pure: no Django.

The drawing is our own, of plain shapes, with neither age nor sex. Two figures stand side by side in a box of 440 by
440. From the front the patient's left is at the viewer's right; from the back it is at the viewer's left.
"""

from __future__ import annotations

from collections.abc import Mapping

from clinic.domain.body_regions import CONCRETE

BOX = "0 0 440 440"
_FRONT, _BACK = 105, 335  # the middle line of each figure

Half = tuple[tuple[int, int], ...]  # points: how far from the middle line, how far from the top

# Parts in the middle: half of the outline, from the middle line at the top to the middle line at the bottom.
_HEAD: Half = ((0, 6), (13, 9), (21, 20), (22, 36), (16, 52), (8, 60), (0, 61))
_NECK: Half = ((0, 63), (12, 61), (14, 76), (18, 82), (0, 86))
_CHEST: Half = ((0, 88), (19, 84), (40, 92), (43, 126), (40, 154), (0, 154))
_BELLY: Half = ((0, 156), (40, 156), (38, 184), (41, 208), (0, 208))
_MIDDLE: Mapping[str, tuple[Half | None, Half | None]] = {  # region -> front, back
    "head_face": (_HEAD, _HEAD),
    "neck": (_NECK, _NECK),
    "chest": (_CHEST, None),
    "upper_back": (None, _CHEST),
    "abdomen": (_BELLY, None),
    "lower_back": (None, _BELLY),
}

# Parts on either side: the whole outline of one side.
_SHOULDER: Half = ((21, 82), (46, 84), (62, 96), (68, 118), (66, 128), (45, 128), (42, 90))
_UPPER_ARM: Half = ((45, 130), (67, 130), (70, 170), (50, 170))
_ELBOW: Half = ((50, 172), (70, 172), (73, 196), (54, 196))
_FOREARM: Half = ((54, 198), (73, 198), (77, 242), (60, 242))
_HAND: Half = ((60, 244), (77, 244), (84, 264), (80, 286), (70, 292), (61, 284), (58, 262))
_GROIN: Half = ((2, 210), (22, 210), (28, 254), (6, 254))
_HIP: Half = ((24, 210), (42, 210), (49, 240), (49, 262), (31, 258))
_HIP_BEHIND: Half = ((34, 210), (42, 210), (49, 240), (49, 262), (40, 266))
_BUTTOCK: Half = ((2, 210), (32, 210), (38, 240), (37, 266), (20, 272), (4, 268))
_THIGH: Half = ((6, 256), (30, 261), (49, 265), (44, 322), (15, 322), (9, 290))
_THIGH_BEHIND: Half = ((6, 271), (20, 274), (38, 269), (49, 265), (44, 322), (15, 322), (9, 290))
_KNEE: Half = ((15, 324), (44, 324), (41, 350), (17, 350))
_LOWER_LEG: Half = ((17, 352), (41, 352), (43, 372), (37, 406), (21, 406), (16, 374))
_FOOT: Half = ((21, 408), (37, 408), (40, 420), (48, 430), (44, 436), (18, 436), (18, 420))
_SIDES: Mapping[str, tuple[Half | None, Half | None]] = {
    "shoulder": (_SHOULDER, _SHOULDER),
    "upper_arm": (_UPPER_ARM, _UPPER_ARM),
    "elbow": (_ELBOW, _ELBOW),
    "forearm": (_FOREARM, _FOREARM),
    "wrist_hand": (_HAND, _HAND),
    "buttock": (None, _BUTTOCK),
    "hip": (_HIP, _HIP_BEHIND),
    "groin": (_GROIN, None),
    "thigh": (_THIGH, _THIGH_BEHIND),
    "knee": (_KNEE, _KNEE),
    "calf": (None, _LOWER_LEG),
    "shin": (_LOWER_LEG, None),
    "ankle_foot": (_FOOT, _FOOT),
}


def _path(points: list[tuple[int, int]]) -> str:
    return "M" + "L".join(f"{x},{y}" for x, y in points) + "Z"


def _whole(half: Half, middle: int) -> str:
    right = [(middle + away, down) for away, down in half]
    left = [(middle - away, down) for away, down in reversed(half) if away]
    return _path(right + left)


def _one_side(half: Half, middle: int, direction: int) -> str:
    return _path([(middle + direction * away, down) for away, down in half])


def _shapes(region: str) -> tuple[str, ...]:
    if region in _MIDDLE:
        views = zip(_MIDDLE[region], (_FRONT, _BACK), strict=True)
        return tuple(_whole(half, middle) for half, middle in views if half)
    side, _, part = region.partition("_")
    towards = (1, -1) if side == "left" else (-1, 1)
    sided = zip(_SIDES[part], (_FRONT, _BACK), towards, strict=True)
    return tuple(_one_side(half, middle, way) for half, middle, way in sided if half)


SHAPES: Mapping[str, tuple[str, ...]] = {region: _shapes(region) for region in CONCRETE}  # region -> SVG path data
