#!/usr/bin/python3
"""effect.py SOCKET VIP WRITES: flips the one endpoint of the Service 'flip' between two servers and
prints, as a JSON array, the milliseconds from the API's answer until a new connection reaches the other."""
import json
import socket
import sys
import time


def main():
    path, vip, writes = sys.argv[1], sys.argv[2], int(sys.argv[3])
    api = socket.socket(socket.AF_UNIX)
    api.connect(path)
    reader = api.makefile('rb')
    url = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/flip'

    def put(port):
        body = json.dumps({'ports': [{'name': '', 'port': port, 'protocol': 'TCP'}]}).encode()
        api.sendall(f'PATCH {url} HTTP/1.1\r\nHost: x\r\nContent-Type: application/merge-patch+json\r\n'
                    f'Content-Length: {len(body)}\r\n\r\n'.encode() + body)
        assert b'200' in reader.readline()
        length = 0
        while (header := reader.readline().strip()):
            if header.lower().startswith(b'content-length:'):
                length = int(header.split(b':')[1])
        answered = time.monotonic()
        reader.read(length)
        return answered

    def who():
        with socket.socket() as s:
            s.settimeout(2)
            s.connect((vip, 80))
            s.sendall(b'GET / HTTP/1.0\r\n\r\n')
            data = b''
            while (piece := s.recv(4096)):
                data += piece
        return data.partition(b'\r\n\r\n')[2].strip().decode()

    out, ports = [], {'A': 9001, 'B': 9002}
    time.sleep(1)
    wanted = 'B'
    for _ in range(writes):
        answered = put(ports[wanted])
        while True:
            started = time.monotonic()
            if who() == wanted:
                break
        # in effect when the first connection that went there was begun
        out.append(max(0.0, (started - answered) * 1000))
        wanted = 'A' if wanted == 'B' else 'B'
        time.sleep(0.005)
    json.dump(out, sys.stdout)


if __name__ == '__main__':
    main()
