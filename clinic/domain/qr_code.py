"""A text as a QR code that a template can draw: one path of an SVG, so that no markup has to be trusted."""

from __future__ import annotations

from dataclasses import dataclass

from qrcode import ERROR_CORRECT_M, QRCode

QUIET = 4  # modules of white around it, as the standard asks (ISO/IEC 18004)


@dataclass(frozen=True)
class QrCode:
    """``size``: the side in modules, with the white margin; ``path``: what is black."""

    size: int
    path: str


def qr_code(text: str) -> QrCode:
    """Return ``text`` as a QR code that still reads with some 15 % of it damaged (level M)."""
    code = QRCode(error_correction=ERROR_CORRECT_M, border=QUIET)
    code.add_data(text)
    rows = code.get_matrix()
    dark = (f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, module in enumerate(row) if module)
    return QrCode(size=len(rows), path="".join(dark))
