"""kubectl with its checks of fields on, against 'fairlead server': what it reads /openapi for."""
import json
import stat

import pytest

import conftest
from api_server import Server

SERVICE = '''apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector:
    app: web
  ports:
  - name: http
    port: 80
    targetPort: 8080
'''
# Lists at many places of a Pod: kubectl follows each through the document when it makes a patch.
DEPLOYMENT = '''apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector: {matchLabels: {app: web}}
  strategy: {type: Recreate}
  template:
    metadata: {labels: {app: web}}
    spec:
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: early, labelSelector: {}}]
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: early, whenUnsatisfiable: DoNotSchedule, labelSelector: {}}
      securityContext: {supplementalGroups: [1000], sysctls: [{name: a, value: early}]}
      resourceClaims: [{name: early, resourceClaimName: gpu}]
      dnsConfig: {searches: [early.example]}
      volumes:
      - name: config
        configMap: {name: web, items: [{key: a, path: early}]}
      - name: scratch
        emptyDir: {}
      containers:
      - name: web
        image: nginx
        envFrom: [{configMapRef: {name: early}}]
        env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
        resources: {requests: {cpu: 500m, memory: 10Mi}, claims: [{name: early}]}
        securityContext: {capabilities: {add: [EARLY]}}
        lifecycle: {preStop: {exec: {command: [early]}}}
        livenessProbe: {httpGet: {port: http, httpHeaders: [{name: a, value: early}]}, periodSeconds: 5}
        volumeMounts:
        - {name: scratch, mountPath: /tmp, subPathExpr: a}
'''


@pytest.fixture(scope='module', params=['path', 'debian'])
def server(request, tmp_path_factory):
    kubectls = conftest.kubectls()
    if request.param not in kubectls:
        pytest.skip(f'no kubectl ({request.param})')
    server = Server(tmp_path_factory.mktemp('server'), kubectls[request.param])
    yield server
    server.stop()


@pytest.fixture
def web(server, tmp_path):
    """The file of a Service that is there for the time of a test."""
    path = tmp_path / 'web.yaml'
    path.write_text(SERVICE)
    server.ok('apply', '--validate=true', '-f', path)
    yield path
    server.ok('delete', 'svc', 'web')


def target(server):
    return server.get('svc', 'web')['spec']['ports'][0]['targetPort']


def change(path, old, new):
    path.write_text(path.read_text().replace(old, new))
    return path


def test_apply(server, web):
    change(web, '8080', '8081')
    assert server.ok('apply', '-f', web) == 'service/web configured\n'
    assert target(server) == 8081
    assert server.ok('apply', '-f', web) == 'service/web unchanged\n'


def test_a_port_is_merged_by_its_number(server, web):
    change(web, '  ports:\n', '  ports:\n  - {name: extra, port: 81}\n')
    assert server.ok('apply', '-f', web) == 'service/web configured\n'
    assert [p['port'] for p in server.get('svc', 'web')['spec']['ports']] == [81, 80]
    change(web, '  - {name: extra, port: 81}\n', '')
    server.ok('apply', '-f', web)
    assert [p['port'] for p in server.get('svc', 'web')['spec']['ports']] == [80]


def test_dry_run(server, web):
    change(web, '8080', '8081')
    assert server.ok('apply', '--dry-run=server', '-f', web) == 'service/web configured (server dry run)\n'
    assert target(server) == 8080


def test_diff(server, web):
    done = server.run('diff', '-f', web)
    assert (done.returncode, done.stdout) == (0, '')
    done = server.run('diff', '-f', change(web, '8080', '8081'))
    assert done.returncode == 1, done.stderr
    assert '\n-    targetPort: 8080\n+    targetPort: 8081\n' in done.stdout
    assert target(server) == 8080


def test_replace(server, web):
    assert server.ok('replace', '-f', change(web, '8080', '8081')) == 'service/web replaced\n'
    assert target(server) == 8081


def test_edit(server, web, tmp_path):
    editor = tmp_path / 'editor'
    editor.write_text('#!/bin/sh\nexec sed -i s/8080/8082/ "$1"\n')
    editor.chmod(stat.S_IRWXU)
    done = server.run('edit', 'svc', 'web', KUBE_EDITOR=str(editor))
    assert done.stdout == 'service/web edited\n', done.stderr
    assert target(server) == 8082


@pytest.mark.parametrize('command', ['create', 'apply', 'replace'])
def test_unknown_field(server, web, command):
    """Clients of old refuse it themselves, newer ones have the server say it."""
    if command == 'create':
        change(web, 'name: web\n', 'name: other\n')
    change(web, '    port: 80\n', '    port: 80\n    prot: 1\n')
    done = server.run(command, '--validate=true', '-f', web)
    assert done.returncode == 1
    if server.minor() < 25:
        assert 'ValidationError(Service.spec.ports[0]): unknown field "prot" in ' \
               'io.k8s.api.core.v1.ServicePort' in done.stderr
    else:
        assert 'strict decoding error: unknown field "spec.ports[0].prot"' in done.stderr
    server.ok(command, '--validate=false', '-f', web)
    assert 'prot' not in server.get('svc', 'other' if command == 'create' else 'web')['spec']['ports'][0]
    if command == 'create':
        server.ok('delete', 'svc', 'other')


def test_wrong_type(server, web):
    change(web, '    app: web\n', '    app: 1\n')
    done = server.run('apply', '-f', web)
    assert done.returncode == 1
    assert 'cannot convert int64 to string' in done.stderr


def test_missing_field(server, web):
    change(change(web, 'name: web\n', 'name: other\n'), '    port: 80\n', '')
    done = server.run('create', '-f', web)
    assert done.returncode == 1
    if server.minor() < 25:
        assert 'missing required field "port" in io.k8s.api.core.v1.ServicePort' in done.stderr
    else:
        assert 'spec.ports[0].port: Invalid value: 0' in done.stderr


def test_every_part_of_a_pod(server, tmp_path):
    path = tmp_path / 'deployment.yaml'
    path.write_text(DEPLOYMENT)
    assert server.ok('apply', '--validate=true', '-f', path) == 'deployment.apps/web created\n'
    change(change(change(path, 'early', 'late'), 'EARLY', 'LATE'), '1000', '1001')
    change(path, 'emptyDir: {}', 'hostPath: {path: /late}')
    done = server.run('apply', '-f', path)
    assert (done.stdout, done.stderr) == ('deployment.apps/web configured\n', '')
    text = json.dumps(server.get('deployment', 'web')['spec'])
    assert 'early' not in text.lower() and 'emptyDir' not in text
    assert text.count('"late') == 10, text
    done = server.run('apply', '-f', path)
    assert (done.stdout, done.stderr) == ('deployment.apps/web unchanged\n', '')
    server.ok('delete', 'deployment', 'web')


def test_explain(server):
    text = server.ok('explain', 'svc.spec.ports')
    assert 'DESCRIPTION:\n' in text and '<empty>' in text
    fields = dict(line.split(None, 1) for line in text.splitlines() if '\t<' in line)
    assert sorted(fields) == ['appProtocol', 'name', 'nodePort', 'port', 'protocol', 'targetPort']
    assert fields['port'] == '<integer> -required-'
    assert 'ports <[]' in text


@pytest.mark.parametrize('path', ['endpointslice.endpoints.conditions', 'pod.status.podIPs', 'lease.spec',
                                  'deployment.spec.strategy.rollingUpdate', 'servicecidr.spec.cidrs',
                                  'node.status.conditions', 'cm.data', 'ns.metadata.labels', 'rs', 'ep.subsets'])
def test_explain_finds(server, path):
    assert 'DESCRIPTION:' in server.ok('explain', path)


def test_explain_refuses(server):
    done = server.run('explain', 'svc.spec.port')
    assert done.returncode == 1
    assert 'field "port" does not exist' in done.stderr


def test_every_kind_has_its_paths(server):
    """The document and the discovery of a group agree on resources and verbs."""
    verbs = {'get': 'get', 'list': 'get', 'post': 'create', 'put': 'update', 'patch': 'patch', 'delete': 'delete',
             'deletecollection': 'deletecollection'}
    index = json.loads(server.ok('get', '--raw', '/openapi/v3'))['paths']
    groups = ['api/v1']
    for group in json.loads(server.ok('get', '--raw', '/apis'))['groups']:
        groups += [f'apis/{version["groupVersion"]}' for version in group['versions']]
    assert sorted(index) == sorted(groups)
    for name, entry in index.items():
        document = json.loads(server.ok('get', '--raw', entry['serverRelativeURL']))
        said = set()
        for path, item in document['paths'].items():
            words = path[len(name) + 2:].split('/')
            if words[:2] == ['namespaces', '{namespace}']:
                words = words[2:]
            resource = '/'.join(word for word in words if word != '{name}')
            for operation in item.values():
                if isinstance(operation, dict):
                    action = operation['x-kubernetes-action']
                    said.add((resource, 'list' if action == 'list' else verbs[action]))
        known = {(resource['name'], verb)
                 for resource in json.loads(server.ok('get', '--raw', f'/{name}'))['resources']
                 for verb in resource['verbs'] if verb != 'watch'}
        assert said == known, name
