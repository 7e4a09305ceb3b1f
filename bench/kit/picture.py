"""Pictures as SVG, drawn by gnuplot: panels of horizontal bars, and lines over connections.

Each has a background of its own, so that it can be read on a light page and on a dark one, is 800 wide,
and says at its foot which machine, commit and day it is of.
"""

import shutil
import subprocess

WIDTH = 800
OURS, OURS_OTHERWISE = "#c2410c", "#f0a37f"
FLOOR, PEER, SPREAD, TEXT, GRID = "#9ca3af", "#5b7fa6", "#111827", "#1f2937", "#e5e7eb"


def have_gnuplot():
    return shutil.which("gnuplot") is not None


def color(server):
    if server.endswith("-malloc"):
        return OURS_OTHERWISE
    if server.startswith("rawhttp"):
        return OURS
    return FLOOR if server.startswith("floor") else PEER


def caption(facts):
    """The foot of a picture: what it was measured on, with what, and when."""
    parts = [facts.get("cpu"), f"{facts['cores']} cores" if "cores" in facts else None,
             f"Linux {facts['kernel'].split('-')[0]}" if "kernel" in facts else None,
             f"libuv {facts['libuv']}" if "libuv" in facts else None,
             f"OpenSSL {facts['openssl']}" if "openssl" in facts else None]
    first = ", ".join(part for part in parts if part)
    rounds = f"median of {facts['rounds']} round{'' if facts['rounds'] == '1' else 's'} of " \
             f"{facts.get('seconds per run', '?')} s; " if "rounds" in facts else ""
    return [first, f"{rounds}rawhttp-uv {facts.get('commit', 'of an unknown commit')}, "
                   f"{facts.get('date', 'on an unknown day')}"]


def _quoted(text):
    return '"' + text.replace("\\", "/").replace('"', "'").replace("\n", " ") + '"'


class Bar:
    """One bar: its name, which also says its colour, value with spread (or None), and the text at its end."""

    def __init__(self, name, value, spread=None, text=""):
        self.name, self.value, self.spread, self.text = name, value, spread, text


def _panel(number, title, bars, longest, left, bottom, width, height):
    """The commands for one panel; bars longer than `longest` are cut there, and their text says so."""
    lines = [f"$p{number} << EOD"]
    for bar in bars:
        low, high = bar.spread or (bar.value, bar.value)
        cut = bar.value > longest
        shown = [min(value, longest) for value in (bar.value, low, high)]
        end = shown[0] if cut else max(shown[0], shown[2])
        spread = [shown[0], shown[0]] if cut else shown[1:]
        lines.append("\t".join([_quoted(bar.name)] + [f"{value:.6g}" for value in [shown[0]] + spread + [end]]
                               + [_quoted(("» " if cut else "") + bar.text), str(int(color(bar.name)[1:], 16))]))
    lines += [
        "EOD",
        f"set lmargin at screen {left:.4f}; set rmargin at screen {left + width:.4f}",
        f"set bmargin at screen {bottom:.4f}; set tmargin at screen {bottom + height:.4f}",
        f"set title {_quoted(title)} offset 0,-0.4",
        f"set xrange [0:{longest * 1.5:.6g}]; set yrange [{len(bars) - 0.4:.2f}:-0.6]",
        f"plot $p{number} using 2:0:(0):2:($0-0.36):($0+0.36):7:ytic(1) with boxxyerror fs solid 1.0 noborder "
        "lc rgb variable, "
        f"'' using 2:0:3:4 with xerrorbars pt 0 lw 1.2 lc rgb '{SPREAD}', "
        f"'' using ($5+{longest * 0.025:.6g}):0:6 with labels left tc rgb '{TEXT}'"]
    return lines


def _begin(path, height):
    return [f"set terminal svg size {WIDTH},{height} dynamic font 'Helvetica,Arial,sans-serif,12' "
            "background '#ffffff'",
            f"set output {_quoted(path)}", "set encoding utf8", "set datafile separator '\\t'", "unset key",
            f"set border 2 lc rgb '{FLOOR}'", "set tics nomirror noenhanced scale 0 tc rgb "
            f"'{TEXT}'", "unset xtics", f"set title noenhanced tc rgb '{TEXT}' font ',13'"]


def _foot(lines, height):
    return [f"set label {i + 1} {_quoted(text)} at screen 0.015,{(8 + 15 * (len(lines) - 1 - i)) / height:.4f} "
            f"left noenhanced tc rgb '#6b7280' font ',11'" for i, text in enumerate(lines)]


def _draw(commands):
    """Runs gnuplot; None, or what it said."""
    done = subprocess.run(["gnuplot"], input="\n".join(commands).encode(), stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, timeout=60, check=False)
    return None if done.returncode == 0 else done.stderr.decode(errors="replace").strip()


def bars(path, panels, facts, columns=1, notes=()):
    """Draws panels of (title, [Bar], longest bar or None) in a grid; None, or what went wrong."""
    foot = list(notes) + caption(facts)
    rows = [panels[i:i + columns] for i in range(0, len(panels), columns)]
    heights = [34 + 22 * max(len(one[1]) for one in row) for row in rows]
    height = sum(heights) + 24 + 15 * len(foot)
    commands = _begin(path, height) + ["set multiplot"] + _foot(foot, height)
    below, number = height, 0
    for row, room in zip(rows, heights):
        below -= room
        for i, (title, some, longest) in enumerate(row):
            longest = longest or max(max(bar.value, (bar.spread or (0, 0))[1]) for bar in some) or 1
            commands += _panel(number, title, some, longest, (i + (0.22 if columns > 1 else 0.18)) / columns,
                               below / height,
                               (0.77 if columns > 1 else 0.8) / columns, (room - 34) / height)
            if number == 0:  # the foot is drawn once
                commands += [f"unset label {n + 1}" for n in range(len(foot))]
            number += 1
    return _draw(commands + ["unset multiplot"])


def lines(path, title, label, series, facts, band=None, notes=()):
    """Draws series of (name, [(x, y, low, high)], colour, dashed) over x; a band (low, high, name) lies behind."""
    foot, height = list(notes) + caption(facts), 420
    commands = _begin(path, height) + _foot(foot, height)
    places = [point[0] for point in series[0][1]]
    for i, (_, points, _, _) in enumerate(series):
        commands += [f"$s{i} << EOD"] + \
            ["\t".join([str(places.index(x))] + [f"{v:.6g}" for v in rest]) for x, *rest in points] + ["EOD"]
    commands += [
        f"set title {_quoted(title)}", f"set ylabel {_quoted(label)} noenhanced tc rgb '{TEXT}'",
        "set border 3", f"set xtics nomirror scale 0; set grid ytics lc rgb '{GRID}'", "set format y '%.0f'",
        f"set xlabel 'connections' tc rgb '{TEXT}' offset 0,0.4", "set yrange [0:*]",
        f"set xrange [-0.3:{len(places) - 0.7:.1f}]", "set xtics ({})".format(
            ", ".join(f'"{place:,}" {i}' for i, place in enumerate(places))) + f" tc rgb '{TEXT}'",
        f"set bmargin at screen {(62 + 15 * len(foot)) / height:.4f}",
        f"set key outside top center horizontal noenhanced samplen 2 tc rgb '{TEXT}'"]
    if band:
        commands += [f"set object 1 rect from graph 0,first {band[0]} to graph 1,first {band[1]} behind "
                     "fc rgb '#fde68a' fs solid 0.6 noborder",
                     f"set label 20 {_quoted(band[2])} at graph 0.015,first {(band[0] + band[1]) / 2} left "
                     "noenhanced tc rgb '#92400e'"]
    commands.append("plot " + ", ".join(
        f"$s{i} using 1:2:3:4 with yerrorbars pt 7 ps 0.6 lw 1.2 lc rgb '{shade}' notitle, "
        f"$s{i} using 1:2 with lines lw 2.2 {'dt 2 ' if dashed else ''}lc rgb '{shade}' title {_quoted(name)}"
        for i, (name, _, shade, dashed) in enumerate(series)))
    return _draw(commands)


def scenario_bars(results, scenario):
    """What one scenario's picture shows: (title, bars)."""
    column, digits, unit = {"memory": ("bytes_each", 0, "bytes per connection"),
                            "latency": ("p99", 0, "µs, p99"),
                            "upload": ("growth_mib", 1, "MiB that memory grew by"),
                            }.get(scenario.kind, ("cpu_us", 1, f"µs of server CPU per {scenario.unit}"))
    some = []
    for server in results.servers(scenario.name):
        spread = results.spread(scenario.name, server, column)
        if not spread or server.endswith("-again"):
            continue
        value = results.median(scenario.name, server, column)
        ratio = results.ratio(scenario.name, server, scenario.reference, column)
        text = f"{value:,.{digits if value < 1000 else 0}f}"
        some.append(Bar(server, value, spread, text + (f"  ({ratio[0]:.2f} ×)" if ratio and column != "growth_mib"
                                                       else "")))
    return f"{scenario.title}: {unit}", some


def cut_at(some):
    """Where the longest bars are cut, so that one slow server does not make all others the same: at 1.3 × the
    longest one that is below three times the median."""
    values = sorted(bar.value for bar in some)
    return 1.3 * max(value for value in values if value <= 3 * values[len(values) // 2]) or 1


def write_scenario(results, scenario, path, facts):
    """One SVG for a scenario; None, or why there is none."""
    if not have_gnuplot():
        return "gnuplot is not installed (apt install gnuplot-nox)"
    title, some = scenario_bars(results, scenario)
    if not some:
        return "nothing was measured"
    reference = scenario.reference
    some.sort(key=lambda bar: bar.value)
    return bars(path, [(title, some, cut_at(some))], facts,
                notes=[f"In brackets: × {reference}'s, median of the same rounds. Thin lines: lowest and highest."])
