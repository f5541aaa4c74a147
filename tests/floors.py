#!/usr/bin/env python3
"""Fails when a file of src/ includes from a room on its own or a higher floor.

The table is that of the design: a room may look at the rooms on floors below its own, and a few
neighbours at each other.  main.c stands on the roof.
"""
import pathlib
import re
import sys

FLOORS = {
    'base': 0, 'io': 1, 'kube': 1, 'store': 2, 'client': 2,
    'plan': 3, 'datapath': 3, 'relay': 3, 'dns': 3, 'announce': 3,
    'server': 4, 'control': 4, 'node': 4, 'cli': 5,
}
# What a room may use; rooms not named here may use every floor below.
MAY_USE = {
    'io': {'base'},
    'kube': {'base'},
    'store': {'kube', 'base'},
    'client': {'kube', 'io', 'base'},
    'plan': {'kube', 'base'},
    'datapath': {'plan', 'kube', 'base'},  # the types of plan's output, and what those need
    'relay': {'plan', 'kube', 'io', 'base'},
    'dns': {'io', 'base'},
    'announce': {'io', 'base'},
    'server': {'store', 'kube', 'io', 'base'},
    'control': {'client', 'kube', 'io', 'base'},
    'node': {'plan', 'datapath', 'relay', 'dns', 'announce', 'client', 'kube', 'io', 'base'},
    'cli': set(FLOORS),
}
INCLUDE = re.compile(r'\s*#\s*include\s+"([^"/]+)/')


def problems(src):
    for path in sorted(src.rglob('*.[ch]')):
        room = path.relative_to(src).parts[0]
        if room == 'main.c':
            continue
        if room not in FLOORS:
            yield f'{path}: src/{room} is a room the design does not have'
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match or match.group(1) == room:
                continue
            if match.group(1) not in MAY_USE[room]:
                yield f'{path}:{number}: src/{room} may not include from {match.group(1)}/'


def main():
    found = list(problems(pathlib.Path(sys.argv[1]) / 'src'))
    print('\n'.join(found) if found else 'floors: all includes go downwards')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
