"""What the README says, on a fresh clone."""
import os
import re
import signal
import subprocess
import time

import pytest

from machine import TOP, run


@pytest.fixture(scope='module')
def clone(tmp_path_factory):
    path = tmp_path_factory.mktemp('clone') / 'fairlead'
    run('git', 'clone', '-q', '--no-hardlinks', TOP, path)
    yield path


def netns():
    return {name for name in run('ip', 'netns', 'list').split() if name.startswith('fl-web')}


def make_run(clone, *, interrupt_after=None, seconds=None):
    """(output, seconds until the tour was printed)"""
    env = dict(os.environ, RUN_LISTEN='127.0.0.1:16443')
    if seconds:
        env['RUN_SECONDS'] = str(seconds)
    start = time.monotonic()
    process = subprocess.Popen(['make', 'run'], cwd=clone, env=env, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    out, shown = '', None
    for line in process.stdout:
        out += line
        if line.startswith('Ctrl-C ends') and shown is None:
            shown = time.monotonic() - start
            if interrupt_after is not None:
                tour(out, clone)
                time.sleep(interrupt_after)
                os.killpg(process.pid, signal.SIGINT)
    process.wait(timeout=60)
    assert shown is not None, out
    return out, shown


def tour(out, clone):
    """The commands it prints, typed in a second terminal."""
    address = re.search(r'virtual IP (\S+);', out).group(1)
    names = {run('curl', '-s', '-m', '5', f'http://{address}/').strip() for _ in range(30)}
    assert names == {'web-1', 'web-2', 'web-3'}, names
    config = re.search(r'export KUBECONFIG=(\S+)', out).group(1)
    env = dict(os.environ, KUBECONFIG=config)
    listed = run('kubectl', 'get', 'svc,endpointslices,pods', '-o', 'wide', env=env)
    assert 'service/web' in listed and 'pod/web-3' in listed, listed
    ours = re.search(r'^  (\S+fairlead) get ', out, re.M).group(1)
    assert 'service/web' in run(ours, 'get', 'svc,endpointslices,pods', '-o', 'wide', env=env)
    assert 'datapath  eBPF' in run(ours, 'status', '--pin-dir', '/sys/fs/bpf/fairlead-run', env=env)
    os.kill(int(re.search(r'kill (\d+)', out).group(1)), signal.SIGTERM)
    time.sleep(2.5)
    names = {run('curl', '-s', '-m', '5', f'http://{address}/').strip() for _ in range(30)}
    assert names == {'web-2', 'web-3'}, names


def test_make_run(clone):
    out, _ = make_run(clone, interrupt_after=0.5)
    assert 'service/web created' in out and 'answered by' in out
    assert 'nothing is left behind' in out
    assert netns() == set()
    assert not os.path.exists(clone / 'run')
    assert not os.path.exists('/sys/fs/bpf/fairlead-run')
    assert run('ip', 'link', 'show', 'flrun0', check=False) == ''


def test_second_run_starts_at_once(clone):
    out, shown = make_run(clone, seconds=2)
    assert 'Installing' not in out and 'Building' not in out
    assert shown < 8, f'{shown} s'
    rows = dict(re.findall(r'^  (web-\d)\s+(\d+)', out, re.M))
    assert set(rows) == {'web-1', 'web-2', 'web-3'} and all(int(n) > 5 for n in rows.values()), out
    assert ', 0 failed' in out


def test_install(clone, tmp_path):
    run('make', 'install', cwd=clone, env=dict(os.environ, DESTDIR=str(tmp_path)))
    binary = tmp_path / 'usr/local/bin/fairlead'
    assert run(binary, '--version').startswith('fairlead 0.')
    page = (tmp_path / 'usr/local/share/man/man8/fairlead-register.8').read_text()
    assert 'http\\-get' in page or 'http-get' in page
    completion = tmp_path / 'usr/local/share/bash-completion/completions/fairlead.bash'
    run('bash', '-n', completion)
