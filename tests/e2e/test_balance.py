"""Connections through the clusterIP: spread, followed, never lost."""
import collections
import json
import signal
import sys
import threading
import time

from machine import TOP, wait_until

CONNECT = TOP / 'tests' / 'e2e' / 'connect.py'


class Load:
    """Connects as fast as it can for some seconds beside the test."""

    def __init__(self, machine, addr, seconds, threads=1, port=80):
        import subprocess
        self.process = machine.popen('/usr/bin/python3', CONNECT, addr, port, seconds, threads,
                                     stdout=subprocess.PIPE)
        self.out = None
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        self.out = self.process.communicate()[0]

    def results(self):
        self.reader.join()
        return json.loads(self.out)


def answers(results):
    return collections.Counter(r[2] for r in results)


def test_spread(web):
    n, results = 3000, []
    addr = web.cluster_ip()
    while len(results) < n:
        results += Load(web, addr, 3).results()
    counts = answers(results[:n])
    assert set(counts) == {'web-1', 'web-2', 'web-3'}, counts
    chi2 = sum((c - n / 3) ** 2 / (n / 3) for c in counts.values())
    assert chi2 < 13.8, counts  # 2 degrees of freedom, p = 0.001


def test_killed_pod_leaves_and_comes_back(web):
    addr, victim = web.cluster_ip(), web.pods['web-2']
    load = Load(web, addr, 8)
    time.sleep(1.5)
    killed = time.monotonic()
    victim.kill()
    time.sleep(3)
    victim.start()
    back = time.monotonic()
    results = load.results()
    failed = [r for r in results if r[2].startswith('error')]
    # probed each second: no connection reaches the dead one later than one period + 1 s
    late = [r for r in failed if r[0] > killed + 2.0]
    assert not late, late[:5]
    # and none fails but those to the dead process, in that time
    early = [r for r in failed if r[1] < killed]
    assert not early, early[:5]
    between = answers(r for r in results if killed + 2.0 < r[0] < back)
    assert set(between) == {'web-1', 'web-3'}, between
    again = answers(r for r in results if r[0] > back + 2.0)
    assert again['web-2'] > 0, again


def test_unready_is_taken_out_without_a_loss(web):
    addr, pod = web.cluster_ip(), web.pods['web-1']
    load = Load(web, addr, 4)
    time.sleep(0.5)
    pod.set_health(False)
    wait_until('web-1 is out', lambda: pod.ip not in web.backends(), 3)
    out = time.monotonic()
    time.sleep(0.5)
    pod.set_health(True)
    results = load.results()
    assert not [r for r in results if r[2].startswith('error')]
    assert not [r for r in results if out + 0.1 < r[0] < out + 0.4 and r[2] == 'web-1']


def test_refused_when_the_last_is_gone(web):
    addr = web.cluster_ip()
    for pod in web.pods.values():
        pod.set_health(False)
    wait_until('no backend', lambda: not web.backends(), 5)
    results = Load(web, addr, 0.5).results()
    assert results and all(r[2] == 'error: Connection refused' for r in results), answers(results)
    assert max(r[1] - r[0] for r in results) < 0.5, 'refused at once'
    for pod in web.pods.values():
        pod.set_health(True)
    wait_until('all back', lambda: len(web.backends()) == 3, 5)
    assert not [r for r in Load(web, addr, 0.5).results() if r[2].startswith('error')]


def test_kill_9_loses_no_connection(web):
    addr = web.cluster_ip()
    load = Load(web, addr, 6, threads=2)
    time.sleep(1)
    web.kill(signal.SIGKILL)
    time.sleep(2)
    web.up()
    results = load.results()
    counts = answers(results)
    assert set(counts) == {'web-1', 'web-2', 'web-3'}, counts
    assert len(results) > 500


def test_restart_keeps_everything(web):
    before = {kind: web.get(kind, '-A')['items'] for kind in ('svc', 'pods', 'endpointslices')}
    address = web.cluster_ip()
    for signo in signal.SIGKILL, signal.SIGTERM:
        web.kill(signo)
        web.up()
        assert web.cluster_ip() == address
        after = {kind: web.get(kind, '-A')['items'] for kind in ('svc', 'endpointslices')}
        for kind, items in after.items():
            assert {i['metadata']['uid'] for i in items} == \
                {i['metadata']['uid'] for i in before[kind]}
        assert len(web.get('pods')['items']) == 3
        wait_until('three backends', lambda: len(web.backends()) == 3)


def test_cleanup_removes_all(web):
    import os
    import subprocess
    web.kill(signal.SIGTERM)
    assert os.path.isdir(web.pins), 'what a stopped agent did stays in effect'
    web.fairlead('agent', '--cleanup', '--pin-dir', web.pins)
    assert not os.path.exists(web.pins)
    shown = subprocess.run(['bpftool', 'cgroup', 'show', str(web.cgroup)], capture_output=True,
                           text=True).stdout
    assert 'cgroup_inet' not in shown and 'connect' not in shown, shown


def test_udp_and_ports_and_pods_of_the_machine(web):
    """A Service of the machine's own processes, by name of the port, reached from a Pod as well."""
    web.popen(sys.executable, '-c', '''
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.244.9.1", 5353))
while True:
    data, peer = s.recvfrom(2048)
    s.sendto(b"echo " + data, peer)
''')
    web.fairlead('register', 'echo', '--address', '10.244.9.1', '--port', 'echo=5353/UDP', '-l', 'app=echo')
    web.fairlead('apply', '-f', '-', stdin='''
apiVersion: v1
kind: Service
metadata: {name: echo}
spec:
  selector: {app: echo}
  ports: [{port: 53, protocol: UDP, targetPort: echo}]
''')
    addr = web.cluster_ip('echo')
    wait_until('the backend', lambda: web.backends(53, 'UDP') == {'10.244.9.1'})
    out = web.ok(sys.executable, '-c', f'''
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(3)
s.sendto(b"one", ("{addr}", 53))
print(s.recvfrom(100))
c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
c.settimeout(3)
c.connect(("{addr}", 53))
c.send(b"two")
print(c.recv(100), c.getpeername())
''')
    assert out == f"(b'echo one', ('{addr}', 53))\nb'echo two' ('{addr}', 53)\n"
