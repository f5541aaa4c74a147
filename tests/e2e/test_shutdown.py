"""SIGTERM: who has asked gets the answer, who watches gets a proper end, and what was answered stays."""
import json
import re
import signal
import socket
import threading
import time

from machine import wait_until


def connect(machine, receive_buffer=None):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    if receive_buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    s.connect(f'{machine.data}/server.sock')
    return s


def send(s, method, path, body=None):
    data = json.dumps(body).encode() if body is not None else b''
    s.sendall(f'{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
              f'Content-Length: {len(data)}\r\n\r\n'.encode() + data)


def read_answer(s):
    """(status, body), or None where the connection ended before the answer began; never half of one."""
    answer = b''
    while b'\r\n\r\n' not in answer:
        try:
            piece = s.recv(65536)
        except ConnectionError:
            piece = b''
        if not piece:
            assert answer == b'', f'half an answer: {answer!r}'
            return None
        answer += piece
    head, _, body = answer.partition(b'\r\n\r\n')
    size = int(re.search(rb'content-length: (\d+)', head, re.I).group(1))
    while len(body) < size:
        piece = s.recv(65536)
        assert piece, f'{len(body)} bytes of {size}'
        body += piece
    return int(head.split()[1]), json.loads(body)


def read_answer_after(s, first):
    data = first
    while b'\r\n\r\n' not in data:
        data += s.recv(65536)
    head, _, body = data.partition(b'\r\n\r\n')
    size = int(re.search(rb'content-length: (\d+)', head, re.I).group(1))
    while len(body) < size:
        piece = s.recv(1 << 20)
        assert piece, f'{len(body)} bytes of {size}'
        body += piece
    return json.loads(body)


def config_map(name, size=0):
    return {'metadata': {'name': name}, 'data': {'x': 'x' * size}}


def wait_end(machine):
    status = machine.process.wait(timeout=20)
    machine.children.remove(machine.process)
    machine.process = None
    return status


PATH = '/api/v1/namespaces/default/configmaps'


def test_answers_and_watches_are_finished(up):
    with connect(up) as s:
        for i in range(40):
            send(s, 'POST', PATH, config_map(f'big-{i}', 500_000))
            assert read_answer(s)[0] == 201
    slow, watch = connect(up, receive_buffer=4096), connect(up)
    send(watch, 'GET', f'{PATH}?watch=1&resourceVersion=0&fieldSelector=metadata.name%3Dbig-1')
    assert b'ADDED' in watch.recv(65536)
    send(slow, 'GET', PATH)
    first = slow.recv(1)  # 20 MB are on their way
    assert first == b'H'
    ended = []

    def read_slowly():
        ended.append(read_answer_after(slow, first))
    reader = threading.Thread(target=read_slowly)
    up.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)  # the server has nothing to do but to wait for this reader
    reader.start()
    rest = b''
    while (piece := watch.recv(65536)):
        rest += piece
    assert rest.endswith(b'\r\n0\r\n\r\n'), rest[-80:]
    reader.join(30)
    assert ended and len(ended[0]['items']) >= 40
    assert wait_end(up) == 0


def test_what_was_answered_is_there_afterwards(up):
    acknowledged, problems = [], []

    def write(number):
        try:
            with connect(up) as s:
                for i in range(100_000):
                    name = f'w-{number}-{i}'
                    send(s, 'POST', PATH, config_map(name))
                    answer = read_answer(s)
                    if answer is None:
                        return
                    if answer[0] == 201:
                        acknowledged.append(name)
                    else:
                        assert answer[0] == 503, answer
                        return
        except OSError:
            return  # the request did not get through
        except AssertionError as e:
            problems.append(e)
    writers = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for w in writers:
        w.start()
    wait_until('writes are under way', lambda: len(acknowledged) > 100)
    up.process.send_signal(signal.SIGTERM)
    for w in writers:
        w.join(20)
    assert not problems, problems
    assert wait_end(up) == 0
    up.up()
    there = {i['metadata']['name'] for i in up.get('configmaps')['items']}
    assert set(acknowledged) <= there, set(acknowledged) - there
