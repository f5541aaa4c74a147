"""Requests that kubectl does not send, and answers that must not do harm."""
import json
import socket

from machine import wait_until


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


REVIEW = '/apis/authentication.k8s.io/v1/selfsubjectreviews'


def test_a_request_may_be_made_as_somebody_else(up):
    status, answer = request(up, 'POST', REVIEW, {}, headers='Impersonate-User: jane\r\nImpersonate-Group: dev\r\n'
                             'Impersonate-Uid: 7\r\nImpersonate-Group: ops\r\nImpersonate-Extra-Scopes: a\r\n'
                             'Impersonate-Extra-scopes: b\r\nImpersonate-Extra-x%2fy: z\r\n')
    assert status == 201 and answer['status']['userInfo'] == {
        'username': 'jane', 'uid': '7', 'groups': ['dev', 'ops', 'system:authenticated'],
        'extra': {'scopes': ['a', 'b'], 'x/y': ['z']}}, answer
    status, answer = request(up, 'GET', '/api/v1/services', headers='Impersonate-User: jane\r\n')
    assert status == 403 and answer['message'] == (
        'services is forbidden: User "jane" cannot list resource "services" in API group "" at the cluster scope')
    status, answer = request(up, 'GET', '/api/v1/services',
                             headers='Impersonate-User: jane\r\nImpersonate-Group: system:masters\r\n')
    assert status == 200, answer


def test_an_impersonated_account_has_the_groups_of_accounts(up):
    status, answer = request(up, 'POST', REVIEW, {}, headers='Impersonate-User: system:serviceaccount:default:x\r\n')
    assert status == 201 and answer['status']['userInfo']['groups'] == [
        'system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'], answer
    status, answer = request(up, 'POST', REVIEW, {}, headers='Impersonate-User: system:anonymous\r\n')
    assert status == 403 and 'User "system:anonymous" cannot create' in answer['message'], answer


def test_who_may_not_impersonate_is_told(up):
    def token():
        path = '/api/v1/namespaces/default/serviceaccounts/default/token'
        status, answer = request(up, 'POST', path, {'spec': {}})
        return status == 201 and answer['status']['token']
    token = wait_until('the account is there', token)
    answer = json.loads(up.ok('curl', '-s', '--cacert', f'{up.data}/pki/ca.crt', '-H', 'Impersonate-User: bob', '-H',
                              f'Authorization: Bearer {token}',
                              'https://127.0.0.1:6443/api/v1/services'))
    assert answer['code'] == 403 and answer['message'] == (
        'services is forbidden: User "system:serviceaccount:default:default" cannot impersonate-on:user-info:list '
        'resource "services" in API group "" at the cluster scope'), answer


def test_impersonation_needs_a_user(up):
    for headers in ('Impersonate-Group: a\r\n', 'Impersonate-Uid: a\r\n', 'Impersonate-Extra-a: b\r\n'):
        status, answer = request(up, 'GET', '/api/v1/services', headers=headers)
        assert status == 400 and 'without impersonating a user name' in answer['message'], answer


def test_another_object_is_no_delete_options(up):
    path = '/api/v1/namespaces/default/services/kubernetes'
    status, answer = request(up, 'DELETE', path, {'kind': 'Service', 'apiVersion': 'v1'})
    assert status == 400, answer
    assert 'kubernetes' in names(up, 'svc')
