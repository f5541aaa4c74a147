import os
import pathlib
import subprocess

import pytest

from api_server import Server
from machine import FAIRLEAD, TOP, Machine, cgroup2_root, run


def pytest_collection_modifyitems(items):
    why = None
    if os.geteuid() != 0:
        why = 'needs root: network namespaces and eBPF'
    elif not cgroup2_root():
        why = 'needs a cgroup v2 hierarchy'
    elif not os.path.exists(FAIRLEAD):
        why = f'{FAIRLEAD} is not built'
    if why:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture
def machine():
    m = Machine()
    yield m
    m.remove()


@pytest.fixture
def up(machine):
    """A machine on which 'fairlead up' runs."""
    machine.up()
    return machine


@pytest.fixture
def web(up):
    """The same with three nginx behind the Service of examples/service.yaml, all serving."""
    from machine import wait_until
    for name in 'web-1', 'web-2', 'web-3':
        up.add_pod(name)
    up.fairlead('apply', '-f', TOP / 'examples' / 'service.yaml')
    wait_until('three backends', lambda: len(up.backends()) == 3)
    return up


def kubectls():
    """Stock kubectls to test with: the one on PATH, and Debian's, unpacked beside it into a cache."""
    found = {}
    path = run('sh', '-c', 'command -v kubectl', check=False).strip()
    if path:
        found['path'] = path
    cache = pathlib.Path(os.environ.get('XDG_CACHE_HOME', '/var/cache')) / 'fairlead-tests'
    debian = cache / 'usr' / 'bin' / 'kubectl'
    if not debian.exists():
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run('apt-get download -q kubernetes-client && dpkg -x kubernetes-client_*.deb .',
                       shell=True, cwd=cache, capture_output=True)
    if debian.exists():
        found['debian'] = str(debian)
    return found


_kubectls = None


def kubectl_named(name):
    """Path of a stock kubectl; skips the test when it is not to be had."""
    global _kubectls
    if _kubectls is None:
        _kubectls = kubectls()
    if name not in _kubectls:
        pytest.skip(f'no kubectl ({name})')
    return _kubectls[name]


@pytest.fixture(params=['path', 'debian'])
def kubectl(request, up):
    """A function that runs a stock kubectl on the machine, with a fresh HOME."""
    path = kubectl_named(request.param)

    def call(*words, **kw):
        return up.ok(path, *words, **kw)
    call.path = path
    call.machine = up
    return call


@pytest.fixture(scope='module', params=['path', 'debian'])
def kubectl_server(request, tmp_path_factory):
    """'fairlead server' alone, with a stock kubectl and a fresh HOME."""
    server = Server(tmp_path_factory.mktemp('server'), kubectl_named(request.param))
    yield server
    server.stop()
