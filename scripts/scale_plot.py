"""Draws the figures of lifelong-scale as one log-log picture: scale_plot.py figures.json picture.svg"""
import json
import math
import sys

# Name of the figure, its unit's factor to milliseconds, the label at its line.
LINES = [
    ("audit", 1000, "audit of everything"),
    ("start", 1000, "start"),
    ("revocation list published", 1, "revocation list, 1 % revoked"),
    ("slowest console page", 1, "slowest console page"),
    ("slowest REST reading", 1, "slowest REST reading"),
    ("console /devices", 1, "first page of devices"),
    ("proof", 0.001, "inclusion proof"),
    ("look-up of a device by serial", 0.001, "look-up of a device"),
]
COLOURS = ["#7a4a12", "#1d5fa8", "#a32a2a", "#13703f", "#6b3fa0", "#0f7c86", "#b06a00", "#555555"]
WIDTH, HEIGHT = 920, 560
LEFT, RIGHT, TOP, BOTTOM = 92, 250, 56, 70


def series(figures):
    """Points (devices, milliseconds) of each line."""
    lines = []
    for name, factor, label in LINES:
        if name == "proof":
            # At the size that the ledger of each fleet has.
            points = []
            for size in sorted({f["devices"] for f in figures}):
                fits = [
                    f for f in figures if f["devices"] == size and f["name"].startswith("inclusion proof in ")
                ]
                if fits:
                    points.append((size, max(fits, key=lambda f: int(f["name"].split()[3]))["value"] * factor))
        else:
            points = sorted((f["devices"], f["value"] * factor) for f in figures if f["name"] == name)
        points = [(x, y) for x, y in points if y > 0]
        if points:
            lines.append((label, points))
    return lines


def words(milliseconds):
    """A power of ten of milliseconds, as a person says it."""
    if milliseconds < 1:
        return f"{round(milliseconds * 1000)} µs"
    return f"{round(milliseconds)} ms" if milliseconds < 1000 else f"{round(milliseconds / 1000):,} s".replace(",", " ")


def draw(lines):
    xs = [x for _, points in lines for x, _ in points]
    ys = [y for _, points in lines for _, y in points]
    x0, x1 = math.log10(min(xs)), max(math.log10(max(xs)), math.log10(min(xs)) + 1)
    y0, y1 = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))

    def across(x):
        return LEFT + (math.log10(x) - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT)

    def up(y):
        return HEIGHT - BOTTOM - (math.log10(y) - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="system-ui, sans-serif" font-size="14">',
        "<title>How the cost of each thing grows with the number of devices</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="30" font-size="17" font-weight="600" fill="#1a1a1a">'
        "How cost grows with the fleet (both axes logarithmic)</text>",
    ]
    for power in range(y0, y1 + 1):
        y = up(10.0**power)
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 5:.1f}" text-anchor="end" fill="#333333">{words(10.0**power)}</text>')
    for x in sorted(set(xs)):
        name = f"{x // 1000000} M" if x >= 1000000 else f"{x // 1000} k"
        out.append(
            f'<line x1="{across(x):.1f}" x2="{across(x):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#eeeeee"/>'
        )
        out.append(
            f'<text x="{across(x):.1f}" y="{HEIGHT - BOTTOM + 22}" text-anchor="middle" fill="#333333">{name}</text>'
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    out.append(
        f'<text x="{middle:.0f}" y="{HEIGHT - 18}" text-anchor="middle" fill="#1a1a1a">devices, '
        "each with ten ledger entries</text>"
    )
    out.append(
        f'<text transform="translate(20 {HEIGHT / 2:.0f}) rotate(-90)" text-anchor="middle" fill="#1a1a1a">'
        "time on the server</text>"
    )
    limit = up(50)
    if y0 <= math.log10(50) <= y1:
        out.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{limit:.1f}" y2="{limit:.1f}" stroke="#13703f" '
            'stroke-dasharray="3 4"/>'
        )
        out.append(f'<text x="{LEFT + 6}" y="{limit + 15:.1f}" fill="#13703f" font-size="12">50 ms: limit of a page</text>')
    # Labels at the right end, pushed apart where lines end side by side.
    ends = sorted((up(points[-1][1]), number) for number, (_, points) in enumerate(lines))
    placed, last = {}, -100.0
    for y, number in ends:
        last = max(y, last + 18)
        placed[number] = last
    for number, (label, points) in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        out += [f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="3.5" fill="{colour}"/>' for x, y in points]
        value = points[-1][1]
        said = f"{value * 1000:.0f} µs" if value < 1 else f"{value:.1f} ms" if value < 1000 else f"{value / 1000:.1f} s"
        out.append(
            f'<text x="{WIDTH - RIGHT + 12}" y="{placed[number] + 5:.1f}" fill="{colour}">{label}, {said}</text>'
        )
    return "\n".join(out + ["</svg>", ""])


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        figures = json.load(file)
    lines = series(figures)
    if not lines:
        sys.exit(f"error: {sys.argv[1]} has no figures\nhint: run make scale")
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(draw(lines))


main()
