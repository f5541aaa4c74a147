"""Connections go on while endpoints change a thousand times a second: none is refused, none goes to an
endpoint that is gone, no answer comes from a wrong address.

FAIRLEAD_CHURN_SECONDS=300 makes it the long test ('make soak'), FAIRLEAD_CHURN_SEED repeats one."""
import json
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

from machine import FAIRLEAD, run, wait_until

SECONDS = int(os.environ.get('FAIRLEAD_CHURN_SECONDS', '10'))
SEED = int(os.environ.get('FAIRLEAD_CHURN_SEED', random.randrange(1, 2**31)))
BACKENDS, WRITERS = 24, 3  # as in churn/churn.h
CHURN = pathlib.Path(FAIRLEAD).resolve().parents[2] / 'tests' / 'e2e' / 'churn' / 'churn'

SERVICE = '''
apiVersion: v1
kind: Service
metadata: {name: busy}
spec:
  ipFamilyPolicy: SingleStack
  ipFamilies: [%s]
  ports:
  - {name: t, port: 80, protocol: TCP, targetPort: 9000}
  - {name: u, port: 80, protocol: UDP, targetPort: 9000}
'''
SLICE = '''
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: busy-%d
  labels: {kubernetes.io/service-name: busy}
addressType: %s
ports:
- {name: t, port: 9000, protocol: TCP}
- {name: u, port: 9000, protocol: UDP}
endpoints:
- addresses: [%s]
'''


def prepare(machine, family):
    base, prefix = ('10.244.200.', 32) if family == 'IPv4' else ('fd00:244:200::', 128)
    digits = str if family == 'IPv4' else '{:x}'.format
    address = [base + digits(i + 1) for i in range(BACKENDS)]
    for a in address:
        run('ip', '-n', machine.netns, 'addr', 'add', f'{a}/{prefix}', 'dev', 'lo',
            *(['nodad'] if prefix == 128 else []))
    text = SERVICE % family + ''.join(SLICE % (i, family, address[i]) for i in range(WRITERS))
    file = machine.dir / 'busy.yaml'
    file.write_text(text)
    machine.fairlead('apply', '-f', file)
    wait_until('backends', lambda: len(machine.backends()) == WRITERS)
    return machine.cluster_ip('busy')


class Churn:
    def __init__(self, machine, vip, rate=1000):
        print(f'FAIRLEAD_CHURN_SEED={SEED}')
        self.process = machine.popen(
            CHURN, machine.data / 'server.sock', 'default/busy', vip, 80, rate, SECONDS, SEED,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def say(self, word):
        self.process.stdin.write(word + '\n')
        self.process.stdin.flush()

    def found(self):
        out = self.process.communicate(timeout=SECONDS + 60)[0]
        assert self.process.returncode == 0
        print(out)
        return json.loads(out)


def check(found):
    clients = {name: of for name, of in found.items() if isinstance(of, dict)}
    for name, of in clients.items():
        assert of['answered'] > 100 * SECONDS, (name, found)
        for what in 'refused', 'failed', 'late', 'wrong_peer':
            assert of[what] == 0, (name, what, found)
    assert found['udp_connected']['moved'] > 0, found


@pytest.mark.parametrize('family', ['IPv4', 'IPv6'])
def test_churn(machine, family):
    machine.up('--service-cluster-ip-range', '10.96.0.0/16,fd00:96::/112')
    found = Churn(machine, prepare(machine, family)).found()
    check(found)
    assert found['changes'] > 400 * SECONDS, found


def test_churn_while_the_agent_is_killed(machine):
    """What is pinned goes on without it, and it finds its way back into the changes."""
    machine.server()
    agent = machine.agent()
    churn = Churn(machine, prepare(machine, 'IPv4'))
    rng, kills, end = random.Random(SEED), 0, time.monotonic() + SECONDS - 2
    while time.monotonic() < end:
        time.sleep(rng.uniform(0.05, 1.5))
        churn.say('down')
        agent.send_signal(signal.SIGKILL)
        agent.wait()
        machine.children.remove(agent)
        kills += 1
        time.sleep(rng.choice([0, 0.02, 0.3]))
        agent = machine.agent()
        churn.say('up')
    check(churn.found())
    assert kills > SECONDS / 4
