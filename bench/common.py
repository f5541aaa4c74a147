"""What the benches share."""
import json
import socket

ENDPOINTS = 10


class Api:
    """Requests over the server's Unix socket."""

    def __init__(self, data):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(data / 'server.sock'))
        self.file = self.socket.makefile('rb')

    def __call__(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else b''
        self.socket.sendall(f'{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
                            f'Content-Length: {len(data)}\r\n\r\n'.encode() + data)
        status, length = int(self.file.readline().split()[1]), 0
        while (header := self.file.readline().strip()):
            name, _, value = header.partition(b':')
            if name.lower() == b'content-length':
                length = int(value)
        answer = json.loads(self.file.read(length))
        assert status < 300, answer
        return answer


def say(*words, sep=' '):
    print(*words, sep=sep, flush=True)


def rss_kb(pid):
    for line in open(f'/proc/{pid}/status'):
        if line.startswith('VmRSS'):
            return int(line.split()[1])


def slice_of(name, addresses, port=8080):
    return {'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', 'addressType': 'IPv4',
            'metadata': {'name': name, 'labels': {'kubernetes.io/service-name': name}},
            'endpoints': [{'addresses': [a], 'conditions': {'ready': True}} for a in addresses],
            'ports': [{'name': '', 'port': port, 'protocol': 'TCP'}]}


def add_services(api, first, last, special=()):
    """Services s<first>..s<last-1>, each with a slice; s0's has the addresses 'special' where given."""
    for i in range(first, last):
        name = f's{i}'
        api('POST', '/api/v1/namespaces/default/services',
            {'metadata': {'name': name}, 'spec': {'ports': [{'port': 80}]}})
        addresses = [f'10.{130 + i // 6400}.{i // 25 % 256}.{i % 25 * 10 + k}' for k in range(ENDPOINTS)] \
            if i or not special else special
        api('POST', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
            slice_of(name, addresses))
