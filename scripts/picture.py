#!/usr/bin/env python3
"""Draws coloured terminal output as an SVG: ANSI on stdin, SVG on stdout.

    keymend fix --sandbox --dry-run --color always | scripts/picture.py dark 'keymend fix --sandbox' > fix-dark.svg

The arguments are the theme, `dark` or `light`, and the command that the picture shows. The same input gives the same
bytes.
"""

import re
import sys
import unicodedata
from dataclasses import dataclass, replace
from itertools import groupby
from xml.sax.saxutils import escape

CELL_WIDTH, LINE_HEIGHT, FONT_SIZE = 8.4, 20, 14
MARGIN, TITLE_BAR = 20, 38
MIN_COLUMNS, TAB = 80, 8

# Window, bar, edge and text; text in ANSI's colours; and the same behind text, darker in the dark and lighter in the
# light, so that text in any colour stays legible.
THEMES = {
    "dark": (
        ["#0d1117", "#161b22", "#30363d", "#e6edf3"],
        ["#6e7681", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#b1bac4",
         "#8b949e", "#ffa198", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#ffffff"],
        ["#21262d", "#5c161a", "#0f4022", "#5c4108", "#0d419d", "#5a2e9e", "#0b4f55", "#484f58",
         "#30363d", "#8e2a2f", "#196c2e", "#7a5a0c", "#1158c7", "#6f42b5", "#116a72", "#6e7681"],
    ),
    "light": (
        ["#ffffff", "#f6f8fa", "#d0d7de", "#1f2328"],
        ["#24292f", "#cf222e", "#116329", "#7d4e00", "#0969da", "#8250df", "#1b7c83", "#6e7781",
         "#57606a", "#a40e26", "#1a7f37", "#633c01", "#0550ae", "#6639ba", "#136061", "#424a53"],
        ["#eaeef2", "#ffd7d5", "#b4f1c0", "#fae17d", "#b6e3ff", "#ecd8ff", "#b3f0ff", "#d0d7de",
         "#d0d7de", "#ffaba8", "#6fdd8b", "#eac54f", "#80ccff", "#d8b9ff", "#76e3ea", "#afb8c1"],
    ),
}
if sys.argv[1:2] == [] or sys.argv[1] not in THEMES:
    sys.exit(f"usage: {sys.argv[0]} {'|'.join(THEMES)} [COMMAND...]")
(WINDOW, BAR, EDGE, TEXT), COLOURS, BACKGROUNDS = THEMES[sys.argv[1]]
CUBE = [0, 95, 135, 175, 215, 255]

# CSI with its parameters and final byte; OSC up to BEL or ST; any other two-character escape.
ESCAPE = re.compile(r"\x1b\[([0-9;:]*)([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.")


@dataclass(frozen=True)
class Style:
    colour: str | None = None
    background: str | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False

    def attributes(self):
        colour, _ = self.drawn()
        attributes = f' fill="{colour}"' if colour != TEXT else ""
        attributes += ' font-weight="bold"' if self.bold else ""
        attributes += ' opacity="0.65"' if self.dim else ""
        attributes += ' font-style="italic"' if self.italic else ""
        return attributes + (' text-decoration="underline"' if self.underline else "")

    def drawn(self):
        """The colours as they are drawn: text, and what is behind it."""
        if self.reverse:
            return self.background or WINDOW, self.colour or TEXT
        return self.colour or TEXT, self.background


FLAGS = {1: {"bold": True}, 2: {"dim": True}, 3: {"italic": True}, 4: {"underline": True}, 7: {"reverse": True},
         22: {"bold": False, "dim": False}, 23: {"italic": False}, 24: {"underline": False},
         27: {"reverse": False}, 39: {"colour": None}, 49: {"background": None}}


def restyled(style, parameters):
    """The style after a `Select Graphic Rendition`."""
    codes = [int(code or 0) for code in re.split("[;:]", parameters)]
    while codes:
        code = codes.pop(0)
        if code == 0:
            style = Style()
        elif code in FLAGS:
            style = replace(style, **FLAGS[code])
        elif code in (38, 48):
            palette = COLOURS if code == 38 else BACKGROUNDS
            style = replace(style, **{"colour" if code == 38 else "background": extended(codes, palette)})
        elif 30 <= code <= 37 or 90 <= code <= 97:
            style = replace(style, colour=COLOURS[code - 30 if code < 90 else code - 82])
        elif 40 <= code <= 47 or 100 <= code <= 107:
            style = replace(style, background=BACKGROUNDS[code - 40 if code < 100 else code - 92])
    return style


def extended(codes, palette):
    """Takes `5;N` or `2;R;G;B` off the codes."""
    if codes.pop(0) == 2:
        red, green, blue = codes[:3]
        del codes[:3]
        return f"#{red:02x}{green:02x}{blue:02x}"
    number = codes.pop(0)
    if number < 16:
        return palette[number]
    if number >= 232:
        return f"#{8 + 10 * (number - 232):02x}" + f"{8 + 10 * (number - 232):02x}" * 2
    number -= 16
    return "#" + "".join(f"{CUBE[number // power % 6]:02x}" for power in (36, 6, 1))


def cells(text):
    """Lines of (character, style, columns)."""
    lines, style, position = [[]], Style(), 0
    for match in [*ESCAPE.finditer(text), None]:
        end = match.start() if match else len(text)
        for character in text[position:end]:
            if character == "\n":
                lines.append([])
            elif character == "\t":
                lines[-1] += [(" ", style, 1)] * (TAB - columns(lines[-1]) % TAB)
            elif unicodedata.category(character) != "Cc":
                lines[-1].append((character, style, width(character)))
        if match:
            position = match.end()
            if match[2] == "m":
                style = restyled(style, match[1])
    while lines and not lines[-1]:
        lines.pop()
    return lines


def width(character):
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def draw_line(line, top):
    """The backgrounds of a line and its text, each piece pinned to its columns."""
    left, backgrounds, pieces = MARGIN, [], []
    for style, group in groupby(line, key=lambda cell: cell[1]):
        group = list(group)
        text, length = "".join(cell[0] for cell in group), columns(group) * CELL_WIDTH
        _, behind = style.drawn()
        if behind:
            backgrounds.append(f'<rect x="{left:.1f}" y="{top}" width="{length:.1f}" height="{LINE_HEIGHT}" fill="{behind}"/>')
        # Renderers disagree about several spaces: they are skipped, not drawn.
        for piece in re.finditer(r"\S+(?: \S+)*", text):
            start = left + columns(group[:piece.start()]) * CELL_WIDTH
            long = columns(group[piece.start():piece.end()]) * CELL_WIDTH
            pieces.append(f'<text x="{start:.1f}" y="{top + 14.5}" textLength="{long:.1f}"'
                          f'{style.attributes()}>{escape(piece[0])}</text>')
        left += length
    return backgrounds + pieces


def columns(line):
    return sum(cell[2] for cell in line)


def svg(command, text):
    lines = cells(text)
    prompt = [("$", Style(colour=COLOURS[2], bold=True), 1), (" ", Style(), 1)]
    if command:
        lines = [prompt + [(character, Style(bold=True), 1) for character in command], [], *lines]
    wide = round(2 * MARGIN + max(MIN_COLUMNS, *map(columns, lines), 0) * CELL_WIDTH)
    high = TITLE_BAR + 2 * MARGIN + len(lines) * LINE_HEIGHT - 6
    drawn = [part for row, line in enumerate(lines)
             for part in draw_line(line, TITLE_BAR + MARGIN - 3 + row * LINE_HEIGHT)]
    title = escape(command or "terminal output")
    buttons = "".join(f'<circle cx="{20 + 20 * n}" cy="{TITLE_BAR // 2}" r="6" fill="{colour}"/>'
                      for n, colour in enumerate(["#ff5f57", "#febc2e", "#28c840"]))
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}" role="img">',
        f"<title>{title}</title>",
        f'<rect x="0.5" y="0.5" width="{wide - 1}" height="{high - 1}" rx="9.5" fill="{WINDOW}" stroke="{EDGE}"/>',
        f'<path d="M1 {TITLE_BAR}V10a9 9 0 0 1 9-9H{wide - 10}a9 9 0 0 1 9 9V{TITLE_BAR}z" fill="{BAR}"/>',
        f'<path d="M1 {TITLE_BAR}.5H{wide - 1}" stroke="{EDGE}"/>',
        buttons,
        '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', monospace"'
        f' font-size="{FONT_SIZE}" fill="{TEXT}">',
        *drawn,
        "</g>",
        "</svg>",
        "",
    ])


def main():
    sys.stdin.reconfigure(encoding="utf-8")
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    sys.stdout.write(svg(" ".join(sys.argv[2:]), sys.stdin.read()))


if __name__ == "__main__":
    main()
