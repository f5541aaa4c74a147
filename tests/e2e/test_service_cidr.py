"""ServiceCIDRs and IPAddresses: what Services may have, and that none has what another one has."""
import json
import random
import signal
import socket
import subprocess
import threading
import time

import pytest

from machine import FAIRLEAD, wait_until

NETWORKING = '/apis/networking.k8s.io/v1'
CIDRS, ADDRESSES = f'{NETWORKING}/servicecidrs', f'{NETWORKING}/ipaddresses'
SERVICES = '/api/v1/namespaces/default/services'
FINALIZER = 'networking.k8s.io/service-cidr-finalizer'
LABELS = {'ipaddress.kubernetes.io/ip-family': 'IPv4',
          'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io'}
BLOCKED = ('There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new '
           'ServiceCIDR')
ROUNDS, WRITERS = 8, 6


class Api:
    """One keep-alive connection to the server's Unix socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(str(path))
        self.file = self.socket.makefile('rb')

    def request(self, method, path, body=None, content_type='application/json'):
        data = json.dumps(body).encode() if body is not None else b''
        self.socket.sendall(f'{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\n'
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

    def get(self, path):
        status, answer = self.request('GET', path)
        return answer if status == 200 else None

    def items(self, path):
        return self.get(path)['items']

    def service(self, name, **spec):
        return self.request('POST', SERVICES, {'metadata': {'name': name},
                                               'spec': {'ports': [{'port': 80}], **spec}})

    def cidr(self, name, *cidrs):
        return self.request('POST', CIDRS, {'metadata': {'name': name}, 'spec': {'cidrs': cidrs}})

    def delete(self, path):
        return self.request('DELETE', path)[0]


class Server:
    def __init__(self, directory):
        self.data, self.log, self.process = directory / 'data', directory / 'server.log', None

    def start(self, *options):
        self.process = subprocess.Popen(
            [FAIRLEAD, 'server', '--data-dir', str(self.data), '--listen', '127.0.0.1:16444', *options],
            stdout=open(self.log, 'a'), stderr=subprocess.STDOUT)

        def answers():
            assert self.process.poll() is None, self.log.read_text()
            try:
                api = self.api()
                return api if api.get('/version') else None
            except (OSError, ValueError, IndexError):
                return None
        return wait_until('the server answers', answers)

    def api(self):
        return Api(self.data / 'server.sock')

    def end(self, signo=signal.SIGTERM):
        self.process.send_signal(signo)
        self.process.wait(timeout=10)


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    yield server
    if server.process and server.process.poll() is None:
        server.process.kill()
        server.process.wait()


def ready(cidr):
    found = [c for c in cidr.get('status', {}).get('conditions', []) if c['type'] == 'Ready']
    return found[0] if found else {'status': None}


def wait_ready(api, name, message='Kubernetes Service CIDR is ready'):
    def is_ready():
        cidr = api.get(f'{CIDRS}/{name}')
        return (cidr if FINALIZER in cidr['metadata'].get('finalizers', []) and
                ready(cidr).get('message') == message else None)
    return wait_until(f'{name}: {message}', is_ready)


def owners(api):
    return {i['metadata']['name']: i['spec']['parentRef']['name'] for i in api.items(ADDRESSES)}


def cluster_ips(api):
    return {ip: s['metadata']['name'] for s in api.items('/api/v1/services')
            for ip in s['spec'].get('clusterIPs', []) if ip != 'None'}


def test_default_cidr_and_flags(server):
    api = server.start()
    cidr = wait_ready(api, 'kubernetes')
    assert cidr['spec']['cidrs'] == ['10.96.0.0/16'] and ready(cidr)['status'] == 'True'
    assert owners(api) == {'10.96.0.1': 'kubernetes'}
    table = api.get(f'{ADDRESSES}/10.96.0.1')
    assert table['metadata']['labels'] == LABELS
    assert table['spec'] == {'parentRef': {'resource': 'services', 'namespace': 'default',
                                           'name': 'kubernetes'}}
    status, answer = api.request('PATCH', f'{CIDRS}/kubernetes', {'spec': {'cidrs': ['10.97.0.0/16']}},
                                 'application/merge-patch+json')
    assert status == 422 and 'spec.cidrs[0]: Invalid value: "10.97.0.0/16": field is immutable' \
        in answer['message']
    server.end()
    # Other ranges: the object stays, an Event says so, and addresses come from the object.
    api = server.start('--service-cluster-ip-range', '10.98.0.0/16')

    def told():
        return [e['message'] for e in api.items('/api/v1/namespaces/default/events')
                if e['reason'] == 'KubernetesDefaultServiceCIDRInconsistent']
    assert wait_until('the Event', told) == [
        'The default ServiceCIDR [10.96.0.0/16] does not match the controller flag configurations '
        '[10.98.0.0/16]']
    status, answer = api.service('a')
    assert status == 201 and answer['spec']['clusterIP'].startswith('10.96.')
    server.end()
    # A second family is added.
    api = server.start('--service-cluster-ip-range', '10.96.0.0/16,fd00:96::/64')
    assert wait_ready(api, 'kubernetes')['spec']['cidrs'] == ['10.96.0.0/16', 'fd00:96::/64']
    status, answer = api.service('b', ipFamilyPolicy='RequireDualStack')
    assert status == 201 and len(answer['spec']['clusterIPs']) == 2
    assert owners(api) == cluster_ips(api)


def test_a_second_cidr(server):
    api = server.start('--service-cluster-ip-range', '10.96.0.0/29')
    wait_ready(api, 'kubernetes')
    made = [api.service(f's{i}') for i in range(6)]
    assert [status for status, _ in made] == [201] * 5 + [500]
    assert made[5][1]['message'] == ('Internal error occurred: failed to allocate a serviceIP for Service '
                                     '"s5": range is full')
    status, answer = api.service('far', clusterIP='10.97.0.9')
    assert status == 422 and answer['message'].endswith(
        'failed to allocate IP 10.97.0.9: the provided network does not match the current range')
    assert api.cidr('more', '10.97.0.0/24')[0] == 201
    wait_ready(api, 'more')
    assert api.service('far', clusterIP='10.97.0.9')[0] == 201
    status, answer = api.service('s5')
    assert status == 201 and answer['spec']['clusterIP'].startswith('10.97.0.')
    assert int(answer['spec']['clusterIP'].rsplit('.')[-1]) > 16, 'of the static band'

    # It waits as long as Services need it, and gives nothing meanwhile.
    assert api.delete(f'{CIDRS}/more') == 200
    wait_ready(api, 'more', BLOCKED)
    condition = ready(api.get(f'{CIDRS}/more'))
    assert (condition['status'], condition['reason']) == ('False', 'Terminating')
    assert api.service('s6')[0] == 500
    for name in 'far', 's5':
        assert api.delete(f'{SERVICES}/{name}') == 200
    wait_until('it goes', lambda: api.get(f'{CIDRS}/more') is None, 20)
    assert owners(api) == cluster_ips(api)


def test_a_wider_cidr_lets_the_default_go(server):
    api = server.start('--service-cluster-ip-range', '10.96.0.0/24')
    wait_ready(api, 'kubernetes')
    assert api.delete(f'{CIDRS}/kubernetes') == 200
    wait_ready(api, 'kubernetes', BLOCKED)
    uid = api.get(f'{CIDRS}/kubernetes')['metadata']['uid']
    assert api.cidr('wide', '10.96.0.0/16')[0] == 201
    wait_ready(api, 'wide')

    def other():
        cidr = api.get(f'{CIDRS}/kubernetes')
        return cidr and cidr['metadata']['uid'] != uid
    wait_until('the default one goes and is made anew', other, 40)
    assert owners(api) == {'10.96.0.1': 'kubernetes'}


def test_addresses_of_users(server):
    api = server.start()
    address = {'metadata': {'name': '10.96.0.20'},
               'spec': {'parentRef': {'group': 'example.com', 'resource': 'gateways', 'name': 'g'}}}
    assert api.request('POST', ADDRESSES, address)[0] == 201
    status, answer = api.service('a', clusterIP='10.96.0.20')
    assert status == 422 and answer['message'] == (
        'Service "a" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.20"]: failed to allocate IP '
        '10.96.0.20: provided IP is already allocated')
    assert api.delete(f'{ADDRESSES}/10.96.0.20') == 200
    assert api.service('a', clusterIP='10.96.0.20')[0] == 201
    assert api.request('POST', ADDRESSES, address)[0] == 409
    # Deleted by hand it comes back.
    uid = api.get(f'{ADDRESSES}/10.96.0.20')['metadata']['uid']
    assert api.delete(f'{ADDRESSES}/10.96.0.20') == 200
    assert api.service('b', clusterIP='10.96.0.20')[0] == 422

    def again():
        found = api.get(f'{ADDRESSES}/10.96.0.20')
        return found and found['metadata']['uid'] != uid
    wait_until('it is made anew', again)
    assert owners(api) == cluster_ips(api)


class Writer(threading.Thread):
    """Creates and deletes Services until the server dies; many of them want the same addresses."""

    def __init__(self, server, number, rng):
        super().__init__()
        self.server, self.number, self.rng, self.made, self.count = server, number, rng, [], 0

    def run(self):
        try:
            api = self.server.api()
            while True:
                self.write(api)
        except (OSError, ValueError, IndexError):
            pass

    def write(self, api):
        if self.made and self.rng.random() < 0.4:
            assert api.delete(f'{SERVICES}/{self.made.pop()}') in (200, 404)
            return
        name = f'w{self.number}-{self.rng.getrandbits(48):x}'
        spec = {'clusterIP': f'10.96.0.{self.rng.randrange(2, 40)}'} if self.rng.random() < 0.5 else {}
        status, answer = api.service(name, type='NodePort', **spec)
        assert status == 201 or 'already allocated' in answer['message'], answer
        if status == 201:
            self.made.append(name)
            self.count += 1


def test_killed_while_allocating(server):
    seed = random.randrange(1 << 32)
    print('seed', seed)
    rng, total = random.Random(seed), 0
    for _ in range(ROUNDS):
        server.start()
        writers = [Writer(server, i, random.Random(rng.random())) for i in range(WRITERS)]
        for w in writers:
            w.start()
        time.sleep(rng.uniform(0.05, 0.3))
        server.end(signal.SIGKILL)
        for w in writers:
            w.join()
        total += sum(w.count for w in writers)
        api = server.start()
        services = api.items('/api/v1/services')
        ips = [s['spec']['clusterIP'] for s in services]
        ports = [p['nodePort'] for s in services for p in s['spec']['ports'] if 'nodePort' in p]
        assert len(ips) == len(set(ips)), 'an address is in two Services'
        assert len(ports) == len(set(ports)), 'a nodePort is in two Services'
        assert owners(api) == cluster_ips(api)
        reasons = {e['reason'] for e in api.items('/api/v1/events')}
        assert not reasons & {'ClusterIPNotAllocated', 'IPAddressNotAllocated',
                              'IPAddressWrongReference'}, 'there was something to repair'
        server.end()
    assert total > ROUNDS * 5
