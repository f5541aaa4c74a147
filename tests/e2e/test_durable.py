"""kill -9 of the server at random under concurrent writers: nothing acknowledged is lost."""
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time

import pytest

from machine import FAIRLEAD, wait_until

ROUNDS = int(os.environ.get('DURABLE_ROUNDS', '50'))
WRITERS = 6


class UnixHttp:
    """One keep-alive connection to the server's Unix socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(5)
        self.socket.connect(path)
        self.file = self.socket.makefile('rb')

    def request(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else b''
        self.socket.sendall(f'{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
                            f'Content-Length: {len(data)}\r\n\r\n'.encode() + data)
        line = self.file.readline()
        if not line:
            raise ConnectionResetError
        status, length = int(line.split()[1]), 0
        while (header := self.file.readline().strip()):
            name, _, value = header.partition(b':')
            if name.lower() == b'content-length':
                length = int(value)
        body = self.file.read(length)
        if len(body) < length:
            raise ConnectionResetError
        return status, json.loads(body)


@pytest.fixture
def started():
    processes = []
    yield processes
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.wait()


def start(data, started):
    log = open(data.parent / 'server.log', 'a')
    process = subprocess.Popen([FAIRLEAD, 'server', '--data-dir', str(data), '--listen', '127.0.0.1:16443'],
                               stdout=log, stderr=subprocess.STDOUT)
    started.append(process)

    def answers():
        assert process.poll() is None, (data.parent / 'server.log').read_text()
        try:
            return UnixHttp(str(data / 'server.sock')).request('GET', '/version')
        except (OSError, ValueError, IndexError):
            return None
    wait_until('the server answers', answers)
    return process


class Writer(threading.Thread):
    """Creates, updates and deletes its own Services until the server dies; keeps what was acknowledged."""

    def __init__(self, data, number, state, rng):
        super().__init__()
        self.path, self.number, self.state = str(data / 'server.sock'), number, state
        self.rng, self.revisions, self.unsure = rng, [], set()

    def run(self):
        try:
            http = UnixHttp(self.path)
            while True:
                self.write(http)
        except (OSError, ValueError, IndexError):
            pass

    def write(self, http):
        name = f'w{self.number}-{self.rng.randrange(20)}'
        base = '/api/v1/namespaces/default/services'
        self.unsure = {name}
        if name not in self.state:
            body = {'metadata': {'name': name, 'annotations': {'n': '0'}},
                    'spec': {'ports': [{'port': 80}]}}
            status, answer = http.request('POST', base, body)
            assert status == 201, answer
        elif self.rng.random() < 0.3:
            status, answer = http.request('DELETE', f'{base}/{name}')
            assert status == 200, answer
            del self.state[name]
            self.unsure = set()
            return
        else:
            old = self.state[name]
            body = json.loads(json.dumps(old))
            body['metadata']['annotations']['n'] = str(int(old['metadata']['annotations']['n']) + 1)
            status, answer = http.request('PUT', f'{base}/{name}', body)
            assert status == 200, answer
        self.state[name] = answer
        self.revisions.append(int(answer['metadata']['resourceVersion']))
        self.unsure = set()


def check(data, state, unsure):
    """Every acknowledged write is there; what was under way may be there or not."""
    _, answer = UnixHttp(str(data / 'server.sock')).request('GET', '/api/v1/namespaces/default/services')
    found = {i['metadata']['name']: i for i in answer['items']}
    addresses = [i['spec']['clusterIP'] for i in found.values()]
    assert len(addresses) == len(set(addresses)), 'an address was handed out twice'
    for name, object in state.items():
        if name not in unsure:
            assert name in found, f'{name} was acknowledged and is gone'
            assert found[name]['metadata']['resourceVersion'] == object['metadata']['resourceVersion']
            assert found[name]['spec'] == object['spec']
    extra = set(found) - set(state) - unsure - {'kubernetes'}
    assert not extra, f'deleted, acknowledged, and there again: {extra}'
    return found, int(answer['metadata']['resourceVersion'])


def test_killed_at_random(tmp_path, started):
    seed = random.randrange(1 << 32)
    print('seed', seed)
    rng = random.Random(seed)
    data = tmp_path / 'data'
    states = [{} for _ in range(WRITERS)]
    seen, newest, total = set(), 0, 0
    for round in range(ROUNDS):
        process = start(data, started)
        found, revision = check(data, {k: v for s in states for k, v in s.items()}, set()) \
            if round == 0 else (None, 0)
        writers = [Writer(data, i, states[i], random.Random(rng.random())) for i in range(WRITERS)]
        for w in writers:
            w.start()
        time.sleep(rng.uniform(0.02, 0.25))
        process.send_signal(signal.SIGKILL)
        process.wait()
        for w in writers:
            w.join()
        revisions = [r for w in writers for r in w.revisions]
        assert len(revisions) == len(set(revisions)) and not seen & set(revisions), 'one repeats'
        assert not revisions or min(revisions) > newest, 'a revision went backwards'
        seen |= set(revisions)
        total += len(revisions)

        process = start(data, started)
        unsure = set().union(*(w.unsure for w in writers))
        found, revision = check(data, {k: v for s in states for k, v in s.items()}, unsure)
        assert revision >= max(revisions, default=0)
        newest = revision
        for i, state in enumerate(states):  # what was under way is now known
            for name in unsure:
                if name.startswith(f'w{i}-'):
                    state.pop(name, None)
                    if name in found:
                        state[name] = found[name]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    print(total, 'acknowledged writes')
    assert total > ROUNDS * 5
