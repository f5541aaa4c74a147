#!/usr/bin/env python3
"""connect.py ADDR PORT SECONDS [THREADS]: connects, asks and closes as fast as it can.

Prints a JSON array with one [start, end, answer] a connection, times of CLOCK_MONOTONIC in seconds;
answer is who answered, or "error: ..."."""
import json
import socket
import sys
import threading
import time


def ask(addr, port):
    family = socket.AF_INET6 if ':' in addr else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(3)
        s.connect((addr, port))
        s.sendall(b'GET / HTTP/1.0\r\nHost: x\r\n\r\n')
        data = b''
        while True:
            piece = s.recv(4096)
            if not piece:
                break
            data += piece
    head, _, body = data.partition(b'\r\n\r\n')
    if not body:
        return 'error: empty answer'
    return body.decode().strip()


def work(addr, port, end, results):
    while time.monotonic() < end:
        start = time.monotonic()
        try:
            answer = ask(addr, port)
        except OSError as e:
            answer = f'error: {e.strerror or e}'
            time.sleep(0.002)
        results.append([start, time.monotonic(), answer])


def main():
    addr, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    threads = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    end = time.monotonic() + seconds
    results = []
    workers = [threading.Thread(target=work, args=(addr, port, end, results)) for _ in range(threads)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    json.dump(sorted(results), sys.stdout)


if __name__ == '__main__':
    main()
