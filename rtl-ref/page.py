# SPDX-License-Identifier: BSD-2-Clause
"""build/rtl/report.html: the plots and tables of rtl-ref/report, drawn without anything but Python."""

import html

WIDTH, HEIGHT, LEFT, TOP = 640, 300, 60, 20
COLORS = ("#1b6ca8", "#c8553d", "#2f8f5b", "#7d5ba6", "#b58a1b", "#444444")
MANY = 16  # more values of x than this, and only each MANYth is written
STYLE = "body{font:14px sans-serif;max-width:60em;margin:2em auto}text{font:12px sans-serif}td,th{padding:2px 10px;text-align:right}"


def plot(title, unit, curves):
    """An SVG of curves {name: [(x, y)]}; x in steps of equal width, in the order of the sizes."""
    xs = sorted({x for points in curves.values() for x, _ in points})
    high = 1.08 * max(y for points in curves.values() for _, y in points)
    step = (WIDTH - LEFT - 20) / max(1, len(xs) - 1)
    where = {x: LEFT + i * step for i, x in enumerate(xs)}
    out = [f"<h2>{html.escape(title)}</h2>", f'<svg viewBox="0 0 {WIDTH + 160} {HEIGHT + TOP + 50}" width="{WIDTH + 160}">']
    for part in range(5):
        height = TOP + HEIGHT * (1 - part / 4)
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{height:.1f}" y2="{height:.1f}" stroke="#ddd"/>'
                   f'<text x="{LEFT - 6}" y="{height + 4:.1f}" text-anchor="end">{high * part / 4:.3g}</text>')
    for i, x in enumerate(xs):
        if len(xs) <= MANY or not i % MANY:
            out.append(f'<text x="{where[x]:.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{x}</text>')
    out.append(f'<text x="{LEFT}" y="{TOP + HEIGHT + 38}">bytes of the clear packet; {html.escape(unit)}</text>')
    for number, (name, points) in enumerate(curves.items()):
        color = COLORS[number % len(COLORS)]
        line = " ".join(f"{where[x]:.1f},{TOP + HEIGHT * (1 - y / high):.1f}" for x, y in sorted(points))
        out.append(f'<polyline fill="none" stroke="{color}" stroke-width="2" points="{line}"/>'
                   f'<text x="{WIDTH}" y="{TOP + 16 + 18 * number}" fill="{color}">{html.escape(name)}</text>')
    return "\n".join([*out, "</svg>"])


def curves(rates, shape, value, sizes):
    """{name: [(size, value(rate))]} of packets of one SA; sizes(measured): which."""
    return {f"{m['direction']}bound, {m['lanes']} lane{'s' if m['lanes'] > 1 else ''}":
            [(r["size"], value(r)) for r in m["rates"] if r["sas"] == 1 and r["shape"] == shape and r["size"] in sizes(m)] for m in rates}


def plots(rates, shape):
    def bits(r):
        return r["esp_size"] * 8 / r["clocks"]

    def latency(r):
        return r["latency"]

    def some(m):
        return {r["size"] for r in m["rates"] if r["sas"] > 1}

    swept = [m for m in rates if m["lanes"] == 4]
    yield plot("Bits a clock", "bits of ESP packets a clock, one behind the other", curves(rates, shape, bits, some))
    if swept:
        yield plot("Bits a clock, every small size", "the same with 4 lanes", curves(swept, shape, bits, lambda m: range(46, 302)))
    yield plot("Clocks to the first beat", "from a packet's first beat in to its first beat out, alone", curves(rates, shape, latency, some))


def tables(lines):
    """Tables of Markdown as HTML; the lines between them as paragraphs."""
    inside = False
    for line in lines:
        cells = [html.escape(c.strip()) for c in line.strip("|").split("|")] if line.startswith("|") else None
        if cells is None:
            yield ("</table>" if inside else "") + (f"<p>{html.escape(line)}</p>" if line else "")
            inside = False
        elif not all(set(c) <= {"-"} for c in cells):
            tag = "td" if inside else "th"
            yield ("" if inside else "<table>") + "<tr>" + "".join(f"<{tag}>{c}</{tag}>" for c in cells) + "</tr>"
            inside = True
    if inside:
        yield "</table>"


def page(rates, sections, shape):
    """The whole page. rates: as in report.json; sections: {name: lines of Markdown}; shape: of the SAs that are drawn."""
    parts = ["<!doctype html>", "<meta charset='utf-8'>", "<title>RTL engine</title>", f"<style>{STYLE}</style>",
             "<h1>The RTL engine: clocks, sizes, evidence</h1>"]
    if rates:
        parts += plots(rates, shape)
    for name, lines in sections.items():
        parts += [f"<h2>{name}</h2>", *tables(lines)]
    return "\n".join(parts) + "\n"
