"""Requests that kubectl does not send, and answers that must not do harm."""
import json
import socket


def request(machine, method, path, body=None, headers=''):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(f'{machine.data}/server.sock')
        data = json.dumps(body).encode() if body is not None else b''
        s.sendall(f'{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}'
                  f'Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n'.encode() + data)
        answer = b''
        while (piece := s.recv(65536)):
            answer += piece
    head, _, text = answer.partition(b'\r\n\r\n')
    return int(head.split()[1]), json.loads(text)


def names(machine, kind):
    return {i['metadata']['name'] for i in machine.get(kind)['items']}


def test_the_collection_of_namespaces_is_not_deleted(up):
    before = names(up, 'ns')
    status, answer = request(up, 'DELETE', '/api/v1/namespaces')
    assert status == 405 and answer['reason'] == 'MethodNotAllowed', answer
    assert names(up, 'ns') == before


def test_impersonation_is_refused_not_ignored(up):
    status, answer = request(up, 'GET', '/api/v1/services', headers='Impersonate-User: nobody\r\n')
    assert status == 403 and answer['reason'] == 'Forbidden', answer


def test_another_object_is_no_delete_options(up):
    path = '/api/v1/namespaces/default/services/kubernetes'
    status, answer = request(up, 'DELETE', path, {'kind': 'Service', 'apiVersion': 'v1'})
    assert status == 400, answer
    assert 'kubernetes' in names(up, 'svc')
