# SPDX-License-Identifier: Apache-2.0
"""Figures as text: medians, ratios, and whether what was wanted has been reached."""
import json


def percentile(samples, part):
    ordered = sorted(samples)
    place = (len(ordered) - 1) * part
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def stats(samples, scale=1.0):
    """p50, p10, p90 and n of @samples, each divided by @scale"""
    return {'p50': percentile(samples, 0.5) / scale, 'p10': percentile(samples, 0.1) / scale,
            'p90': percentile(samples, 0.9) / scale, 'n': len(samples)}


def verdict(value, must, aim, more_is_better=False):
    """"aim", "must" or "no"; "-" if nothing was measured"""
    if value is None:
        return '-'
    sign = -1 if more_is_better else 1
    if aim is not None and value * sign <= aim * sign:
        return 'aim'
    return 'must' if value * sign <= must * sign else 'no'


class Report:
    def __init__(self, host, quick, by='make bench'):
        self.host = host
        self.quick = quick
        self.by = by
        self.notes = []
        self.summary = []
        self.tables = []

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def goal(self, what, value, text, must, aim, compared='', more_is_better=False):
        """@value, @must and @aim: (number, text); @value None if it could not be measured"""
        self.summary.append({
            'what': what, 'value': value, 'measured': text, 'must': must[1],
            'aim': aim[1] if aim else '', 'compared_with': compared,
            'reached': verdict(value, must[0], aim[0] if aim else None, more_is_better)})

    def table(self, title, columns, rows, text=''):
        self.tables.append({'title': title, 'text': text, 'columns': columns, 'rows': rows})

    def as_json(self):
        return json.dumps({'host': self.host, 'quick': self.quick, 'notes': self.notes,
                           'summary': self.summary, 'tables': self.tables}, indent=1) + '\n'

    def as_markdown(self):
        out = ['# Measurements', '',
               f'Written by `{self.by}`' + (' (`--quick`)' if self.quick else '') +
               '; not to be edited. How each figure is taken: README.md beside this file.', '']
        out += [f'- {note}' for note in self.notes] + ['']
        out += ['## What must be reached', '']
        out += grid(['what', 'measured', 'must', 'aim', 'reached?', 'compared in the same run with'],
                    [[s['what'], s['measured'], s['must'], s['aim'], s['reached'],
                      s['compared_with']] for s in self.summary])
        for table in self.tables:
            out += ['', f"## {table['title']}", '']
            out += [table['text'], ''] if table['text'] else []
            out += grid(table['columns'], [[show(c) for c in row] for row in table['rows']])
        out += ['', '## Machine', '']
        out += grid(['', ''], [[k, v] for k, v in self.host.items()])
        return '\n'.join(out) + '\n'


def show(cell):
    return f'{cell:.3g}' if isinstance(cell, float) and abs(cell) < 100 else \
        f'{cell:.0f}' if isinstance(cell, float) else str(cell)


def grid(columns, rows):
    cells = [[str(c).replace('|', '\\|') for c in row] for row in [columns, *rows]]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(columns))]
    lines = ['| ' + ' | '.join(c.ljust(w) for c, w in zip(row, widths)) + ' |' for row in cells]
    return [lines[0], '|' + '|'.join('-' * (w + 2) for w in widths) + '|', *lines[1:]]
