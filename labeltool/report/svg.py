"""Charts as SVG and PNG without a browser; ids made unique, so that several can stand in one page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import altair as alt


def can_draw() -> bool:
    """Whether the packages that draw are there (the extra `app`)."""
    try:
        import altair  # noqa: F401
        import vl_convert  # noqa: F401
    except ImportError:
        return False
    return True


def to_svg(chart: alt.TopLevelMixin, name: str) -> str:
    """The chart as SVG; the same chart gives the same text.

    Args:
        chart: with a size in pixels.
        name: unique in the page, goes before every id.
    """
    import vl_convert

    text: str = vl_convert.vegalite_to_svg(chart.to_dict())
    # The renderer counts some ids on from chart to chart.
    ids = {old: f"{name}-{n}" for n, old in enumerate(dict.fromkeys(re.findall(r'\bid="([^"]+)"', text)))}
    text = re.sub(r'\bid="([^"]+)"', lambda found: f'id="{ids[found[1]]}"', text)
    text = re.sub(r"url\(#([^)]+)\)", lambda found: f"url(#{ids.get(found[1], found[1])})", text)
    # A picture in a page has its own words below it; what the plot's parts are called helps nobody and doubles its size.
    text = re.sub(r' (?:aria-(?:label|roledescription|hidden)|role)="[^"]*"', "", text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{name}" ', 1)


def to_png(svg: str) -> bytes:
    """What `to_svg` drew as pixels, two for each of its own: for slides and papers that take no SVG."""
    import vl_convert

    return bytes(vl_convert.svg_to_png(svg, scale=2))
