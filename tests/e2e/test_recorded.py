"""Requests and kubectl commands give the answers that a real API server gave: recorded/README.md.

A topic is played from its first case to its last against 'fairlead server', some topics at once;
each case is a test of its own."""
import concurrent.futures
import functools
import json
import re
import shutil
import socket
import subprocess

import pytest

import replay
from machine import FAIRLEAD, wait_until

TOPICS = replay.topics()
KNOWN = replay.known()
SINGLE_STACK = '10.96.0.0/16'
DUAL_STACK = '10.96.0.0/16,fd00:10:96::/112'


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Server:
    """'fairlead server' and the answers that it gave."""

    def __init__(self, directory, cidrs):
        self.dir = directory
        self.address = f'127.0.0.1:{free_port()}'
        (directory / 'tokens').write_text('\n'.join(replay.USERS.values()) + '\n')
        self.log = open(directory / 'log', 'w')
        self.process = subprocess.Popen(
            [FAIRLEAD, 'server', '--data-dir', directory / 'data', '--listen', self.address,
             '--service-cluster-ip-range', cidrs, '--token-auth-file', directory / 'tokens'],
            stdout=self.log, stderr=subprocess.STDOUT)

        def ready():
            assert self.process.poll() is None, (directory / 'log').read_text()
            return 'ready in' in (directory / 'log').read_text()
        wait_until('fairlead server is ready', ready)

    def play(self, topic):
        """The answers of a topic's cases."""
        directory = self.dir / topic
        directory.mkdir()
        authority = (self.dir / 'data' / 'pki' / 'ca.crt').read_text()
        api = replay.Api(self.address, authority, directory, shutil.which('kubectl'))
        return api.play(topic, TOPICS[topic])

    def end(self):
        self.process.terminate()
        status = self.process.wait(timeout=20)
        self.log.close()
        return status


@pytest.fixture(scope='module')
def answers_of(request, tmp_path_factory):
    """A function that gives the answers of a topic; the topics of all selected tests are played."""
    topics = {item.callspec.params['topic']: None for item in request.session.items
              if item.originalname == 'test_recorded'}

    @functools.cache
    def server_for(cidrs):
        servers.append(Server(tmp_path_factory.mktemp('server'), cidrs))
        return servers[-1]
    servers = []
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        played = {topic: pool.submit(
            server_for(DUAL_STACK if topic == 'dual-stack' else SINGLE_STACK).play, topic)
            for topic in topics if not needs_other_kubectl(TOPICS[topic])}
        yield lambda topic: played[topic].result()
    assert [server.end() for server in servers] == [0] * len(servers)


def kubectl_minor():
    """The recorded commands are of kubectl 1.32; others word some of their texts differently."""
    if not shutil.which('kubectl'):
        return None
    done = subprocess.run(['kubectl', 'version', '--client', '-o', 'json'], capture_output=True)
    return re.match(r'\d+', json.loads(done.stdout)['clientVersion']['minor'])[0]


KUBECTL_MINOR = kubectl_minor()


def needs_other_kubectl(cases):
    return 'kubectl' in cases[0] and KUBECTL_MINOR != '32'


@pytest.mark.parametrize('topic, number', [
    pytest.param(topic, number, id=f'{topic}: {case["name"]}')
    for topic, cases in TOPICS.items() for number, case in enumerate(cases)])
def test_recorded(answers_of, topic, number):
    if needs_other_kubectl(TOPICS[topic]):
        pytest.skip(f'recorded with kubectl 1.32, here is {KUBECTL_MINOR or "none"}')
    case = TOPICS[topic][number]
    answer = answers_of(topic)[number]
    if f'{topic}: {case["name"]}' in KNOWN:
        assert answer != case['answer'], 'no longer differs: take its line out of known.txt'
    else:
        assert answer == case['answer']


def test_known_names_cases():
    names = [f'{topic}: {case["name"]}' for topic, cases in TOPICS.items() for case in cases]
    assert len(set(names)) == len(names), 'names twice'
    assert set(KNOWN) <= set(names), set(KNOWN) - set(names)
    assert all(KNOWN.values()), 'a line of known.txt without a reason'
