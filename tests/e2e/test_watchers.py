"""Watchers that misbehave cost the server a bounded amount."""
import json
import socket

from machine import wait_until


def rss_mib(pid):
    for line in open(f'/proc/{pid}/status'):
        if line.startswith('VmRSS'):
            return int(line.split()[1]) / 1024


def watch(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.sendall(b'GET /api/v1/services?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n')
    assert s.recv(12) == b'HTTP/1.1 200'
    return s


def test_watchers_that_do_not_read(up):
    path = f'{up.data}/server.sock'
    watchers = [watch(path) for _ in range(80)]
    reader = watch(path)
    api = socket.socket(socket.AF_UNIX)
    api.connect(path)
    answers = api.makefile('rb')
    most, seen = 0, b''
    for i in range(60):
        body = json.dumps({'metadata': {'name': f's{i}', 'annotations': {'x': 'y' * 100000}},
                           'spec': {'ports': [{'port': 80}]}}).encode()
        api.sendall(b'POST /api/v1/namespaces/default/services HTTP/1.1\r\nHost: x\r\n'
                    b'Content-Type: application/json\r\nContent-Length: %d\r\n\r\n' % len(body) + body)
        assert b'201' in answers.readline()
        length = 0
        while (header := answers.readline().strip()):
            if header.lower().startswith(b'content-length:'):
                length = int(header.split(b':')[1])
        answers.read(length)
        seen += reader.recv(1 << 20)
        most = max(most, rss_mib(up.fairlead_pid()))
    # 80 watchers x 60 x 100 kB are 480 MB; all of them may hold 128 MiB
    assert most < 300, f'{most} MiB'
    for s in watchers:
        s.close()
    wait_until('the memory comes back', lambda: rss_mib(up.fairlead_pid()) < 90)
    assert up.get('svc', 's59')
    reader.settimeout(5)
    while b'"name":"s59"' not in seen:  # the one that reads misses nothing
        seen += reader.recv(1 << 20)
