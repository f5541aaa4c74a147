"""Stock kubectl, with the example file against 'fairlead up', and what needs no node against
'fairlead server'."""
import json
import os
import re
import subprocess
import time

import pytest

from machine import FAIRLEAD, TOP, wait_until

EXAMPLE = TOP / 'examples' / 'service.yaml'


def test_version_and_discovery(kubectl):
    assert 'v1.36' in kubectl('version')
    resources = kubectl('api-resources')
    for line in (r'^services\s+svc\s+v1\s+true\s+Service', r'^pods\s+po\s+v1\s+true\s+Pod',
                 r'^endpointslices\s+discovery.k8s.io/v1\s+true\s+EndpointSlice',
                 r'^leases\s+coordination.k8s.io/v1\s+true\s+Lease'):
        assert re.search(line, resources, re.M), f'{line} not in\n{resources}'
    assert re.search(r'^n1\s+Ready', kubectl('get', 'nodes'), re.M)
    names = kubectl('get', 'ns', '-o', 'name').split()
    assert names == ['namespace/default', 'namespace/kube-node-lease', 'namespace/kube-public',
                     'namespace/kube-system']


def test_the_walk(kubectl):
    machine = kubectl.machine
    assert kubectl('apply', '-f', EXAMPLE) == 'service/web created\n'
    # 'creationTimestamp: null' of 'expose --dry-run' makes kubectl send a patch that changes nothing
    revision = kubectl('get', 'svc', 'web', '-o', 'jsonpath={.metadata.resourceVersion}')
    assert kubectl('apply', '-f', EXAMPLE) == 'service/web configured\n'
    assert kubectl('get', 'svc', 'web', '-o', 'jsonpath={.metadata.resourceVersion}') == revision

    lines = kubectl('get', 'svc').splitlines()
    assert lines[0].split() == ['NAME', 'TYPE', 'CLUSTER-IP', 'EXTERNAL-IP', 'PORT(S)', 'AGE']
    assert lines[1].split()[:5] == ['kubernetes', 'ClusterIP', '10.96.0.1', '<none>', '443/TCP']
    wide = kubectl('get', 'svc', 'web', '-o', 'wide').splitlines()[1].split()
    assert wide[:2] == ['web', 'ClusterIP'] and wide[3:5] == ['<none>', '80/TCP']
    assert wide[-1] == 'app=web'

    service = json.loads(kubectl('get', 'svc', 'web', '-o', 'json'))
    spec = service['spec']
    assert spec['clusterIP'] == wide[2] and spec['clusterIPs'] == [wide[2]]
    assert spec['type'] == 'ClusterIP' and spec['sessionAffinity'] == 'None'
    assert spec['internalTrafficPolicy'] == 'Cluster' and spec['ipFamilies'] == ['IPv4']
    assert spec['ports'] == [{'port': 80, 'protocol': 'TCP', 'targetPort': 80}]
    assert f'clusterIP: {wide[2]}' in kubectl('get', 'svc', 'web', '-o', 'yaml')
    assert kubectl('get', 'svc', 'web', '-o', 'jsonpath={.spec.clusterIP}') == wide[2]

    machine.add_pod('web-1')
    wait_until('the endpoint', lambda: machine.backends() == {machine.pods['web-1'].ip})
    described = kubectl('describe', 'svc', 'web')
    for line in (r'^Selector:\s+app=web', r'^Type:\s+ClusterIP', rf'^IP:\s+{re.escape(wide[2])}',
                 r'^TargetPort:\s+80/TCP'):
        assert re.search(line, described, re.M), described
    slices = kubectl('get', 'endpointslices')
    assert re.search(r'^web-\w{5}\s+IPv4\s+80\s+' + re.escape(machine.pods['web-1'].ip), slices, re.M)
    assert re.search(r'^web-1\s+1/1\s+Running\s+0', kubectl('get', 'pods'), re.M)

    kubectl('label', 'svc', 'web', 'tier=front')
    assert json.loads(kubectl('get', 'svc', '-l', 'tier=front', '-o', 'json'))['items'][0][
        'metadata']['name'] == 'web'
    assert kubectl('get', 'svc', '-l', 'tier=back', '-o', 'name') == ''

    kubectl('patch', 'svc', 'web', '-p', '{"spec":{"type":"NodePort"}}')
    port = json.loads(kubectl('get', 'svc', 'web', '-o', 'json'))['spec']['ports'][0]['nodePort']
    assert 30000 <= port <= 32767
    kubectl('patch', 'svc', 'web', '--type=merge', '-p', '{"spec":{"type":"ClusterIP"}}')
    spec = json.loads(kubectl('get', 'svc', 'web', '-o', 'json'))['spec']
    assert 'nodePort' not in spec['ports'][0] and spec['clusterIP'] == wide[2]
    kubectl('patch', 'svc', 'web', '--type=json', '-p',
            '[{"op":"replace","path":"/spec/ports/0/targetPort","value":8080}]')
    assert kubectl('apply', '-f', EXAMPLE) == 'service/web configured\n'
    spec = json.loads(kubectl('get', 'svc', 'web', '-o', 'json'))['spec']
    assert spec['ports'][0]['targetPort'] == 80

    assert kubectl('delete', '-f', EXAMPLE).startswith('service "web" deleted')
    assert kubectl('get', 'svc', '-o', 'name') == 'service/kubernetes\n'
    wait_until('the slices go', lambda: 'web-' not in kubectl('get', 'endpointslices', '-o', 'name'))


def test_edit(kubectl):
    kubectl('apply', '-f', EXAMPLE)
    kubectl('edit', 'svc', 'web', env={'KUBE_EDITOR': "sed -i 's/port: 80$/port: 81/'"})
    assert json.loads(kubectl('get', 'svc', 'web', '-o', 'json'))['spec']['ports'][0]['port'] == 81


def test_watch(kubectl):
    machine = kubectl.machine
    watch = machine.popen(kubectl.path, 'get', 'svc', '-w', '--no-headers', stdout=subprocess.PIPE)
    time.sleep(1)
    kubectl('apply', '-f', EXAMPLE)
    kubectl('patch', 'svc', 'web', '-p', '{"spec":{"ports":[{"port":80,"targetPort":81}]}}')
    kubectl('delete', 'svc', 'web')
    time.sleep(0.5)
    watch.terminate()
    lines = [line.split()[:2] for line in watch.communicate(timeout=10)[0].splitlines()]
    assert lines[0] == ['kubernetes', 'ClusterIP']
    assert lines[1:] == [['web', 'ClusterIP']] * 3, lines


def test_refusals_in_kubernetes_words(kubectl):
    machine = kubectl.machine

    def refused(*words, stdin=None):
        status, _, err = machine.done(kubectl.path, *words, stdin=stdin)
        assert status == 1
        return err
    no_ports = '{"apiVersion":"v1","kind":"Service","metadata":{"name":"x"},"spec":{}}'
    assert 'The Service "x" is invalid: spec.ports: Required value' in refused(
        'create', '-f', '-', stdin=no_ports)
    assert 'services "nothing" not found' in refused('get', 'svc', 'nothing')
    kubectl('apply', '-f', EXAMPLE)
    assert 'services "web" already exists' in refused('create', '-f', EXAMPLE)
    assert 'namespaces "missing" not found' in refused('create', '-n', 'missing', '-f', EXAMPLE)
    taken = json.dumps({'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'y'},
                        'spec': {'clusterIP': '10.96.0.1', 'ports': [{'port': 1}]}})
    assert 'provided IP is already allocated' in refused('create', '-f', '-', stdin=taken)


def test_fairlead_get_says_what_kubectl_says(kubectl):
    """Outside a namespace, by name, and without heads."""
    machine = kubectl.machine
    kubectl('apply', '-f', EXAMPLE)
    for words in (('get', 'nodes', '-l', 'no=such'), ('get', 'pods'),
                  ('get', 'svc,endpointslices', '--no-headers', '-o', 'name'),
                  ('get', 'ns,leases', '-l', 'no=such')):
        assert machine.done(FAIRLEAD, *words) == machine.done(kubectl.path, *words), words
    table = machine.fairlead('get', 'svc,endpointslices', '--no-headers')
    assert '' not in table.splitlines()
    for words in ('svc/web', '-A'), ('svc', 'web', '-l', 'app=web'):
        for program in FAIRLEAD, kubectl.path:
            assert machine.done(program, 'get', *words)[0] == 1, (program, words)

# -- Stories that need no node --

SERVICE = """apiVersion: v1
kind: Service
metadata:
  name: web
  labels: {app: web}
spec:
  selector: {app: web}
  ports:
  - port: 80
    targetPort: 80
"""


class Namespace:
    """kubectl in a namespace of its own."""

    def __init__(self, server, name):
        self.server, self.name = server, name
        server.ok('create', 'namespace', name)

    def __call__(self, *words, **kw):
        return self.server.ok('-n', self.name, *words, **kw)

    def refused(self, *words, **kw):
        done = self.server.run('-n', self.name, *words, **kw)
        assert done.returncode == 1, done
        return done.stderr

    def service(self, name='web'):
        return json.loads(self('get', 'svc', name, '-o', 'json'))

    def popen(self, *words):
        env = dict(os.environ, HOME=str(self.server.home), KUBECONFIG=str(self.server.config))
        return subprocess.Popen([self.server.kubectl, '-n', self.name, *words], text=True, env=env,
                                stdout=subprocess.PIPE)


@pytest.fixture
def shop(kubectl_server, request):
    return Namespace(kubectl_server, re.sub(r'[^a-z0-9]+', '-', request.node.originalname))


def test_from_a_deployment_to_a_node_port(shop, tmp_path):
    """The commands that the mission names."""
    file = tmp_path / 'service.yaml'
    shop('create', 'deployment', 'web', '--image=nginx')
    file.write_text(shop('expose', 'deployment', 'web', '--port=80', '--target-port=80',
                         '--dry-run=client', '-o', 'yaml'))
    assert 'No resources found' in shop.server.run('-n', shop.name, 'get', 'svc').stderr
    assert shop('apply', '-f', file) == 'service/web created\n'
    address = shop.service()['spec']['clusterIP']

    file.write_text(file.read_text().replace('spec:\n', 'spec:\n  type: NodePort\n'))
    assert shop('apply', '-f', file) == 'service/web configured\n'
    spec = shop.service()['spec']
    port = spec['ports'][0]['nodePort']
    assert 30000 <= port <= 32767 and spec['clusterIP'] == address
    assert spec['selector'] == {'app': 'web'} and spec['externalTrafficPolicy'] == 'Cluster'
    [line] = shop('get', 'svc', '--no-headers').splitlines()
    assert line.split()[:5] == ['web', 'NodePort', address, '<none>', f'80:{port}/TCP']

    assert shop('apply', '-f', file) in ('service/web unchanged\n', 'service/web configured\n')
    assert shop.service()['spec'] == spec
    assert shop('delete', '-f', file).startswith('service "web" deleted')


def test_create_replace_and_delete_files(shop):
    assert shop('create', '-f', '-', stdin=SERVICE) == 'service/web created\n'
    assert 'services "web" already exists' in shop.refused('create', '-f', '-', stdin=SERVICE)
    before = shop.service()
    other = SERVICE.replace('targetPort: 80', 'targetPort: 8080')
    assert shop('replace', '-f', '-', stdin=other) == 'service/web replaced\n'
    after = shop.service()
    assert after['spec']['ports'][0]['targetPort'] == 8080
    assert after['spec']['clusterIP'] == before['spec']['clusterIP']
    assert after['metadata']['uid'] == before['metadata']['uid']
    assert int(after['metadata']['resourceVersion']) > int(before['metadata']['resourceVersion'])

    shop('replace', '--force', '-f', '-', stdin=SERVICE)
    assert shop.service()['metadata']['uid'] != before['metadata']['uid']
    # a PUT creates a Service that is not there, as in Kubernetes, but not most other kinds
    shop('replace', '-f', '-', stdin=SERVICE.replace('web', 'new'))
    assert shop.service('new')['metadata']['uid']
    missing = '{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "new"}}'
    assert '"new" not found' in shop.refused(
        'replace', '--validate=false', '-f', '-', stdin=missing)
    wrong = SERVICE.replace('port: 80\n', 'port: 0\n', 1)
    assert 'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535' in shop.refused(
        'replace', '-f', '-', stdin=wrong)
    assert shop('delete', '-f', '-', stdin=SERVICE).startswith('service "web" deleted')
    assert 'services "web" not found' in shop.refused('delete', '-f', '-', stdin=SERVICE)


def test_apply_adds_changes_and_takes_away(shop):
    ports = 'ports:\n  - {name: http, port: 80}\n  - {name: https, port: 443}\n'
    two = SERVICE[:SERVICE.index('ports:')] + ports
    assert shop('apply', '-f', '-', stdin=two) == 'service/web created\n'
    assert shop('apply', '-f', '-', stdin=two) == 'service/web unchanged\n'
    shop('annotate', 'svc', 'web', 'note=mine')  # not apply's, so it stays
    one = two.replace('  - {name: http, port: 80}\n', '').replace('{app: web}', '{tier: front}', 1)
    assert shop('apply', '-f', '-', stdin=one) == 'service/web configured\n'
    service = shop.service()
    assert [port['name'] for port in service['spec']['ports']] == ['https']
    assert service['metadata']['labels'] == {'tier': 'front'}
    assert service['metadata']['annotations']['note'] == 'mine'

    shown = shop.server.run('-n', shop.name, 'diff', '-f', '-', stdin=two)
    assert shown.returncode == 1 and re.search(r'^\+ +app: web$', shown.stdout, re.M), shown
    assert shop('diff', '-f', '-', stdin=one) == ''
    assert json.loads(shop('apply', 'view-last-applied', 'svc/web', '-o', 'json'))[
        'spec']['ports'] == [{'name': 'https', 'port': 443}]
    dry = shop('apply', '--dry-run=server', '-f', '-', stdin=two)
    assert dry == 'service/web configured (server dry run)\n' and shop.service() == service


def test_edits(shop, tmp_path):
    shop('create', '-f', '-', stdin=SERVICE)
    type_to_node_port = "sed -i 's/type: ClusterIP/type: NodePort/'"
    assert shop('edit', 'svc', 'web', KUBE_EDITOR=type_to_node_port) == 'service/web edited\n'
    assert shop.service()['spec']['type'] == 'NodePort'
    same = shop.server.run('-n', shop.name, 'edit', 'svc', 'web', KUBE_EDITOR='true')
    assert 'cancelled, no changes made' in same.stderr and same.returncode == 0
    # what the server refuses is shown to the editor again; changing nothing then gives up
    editor = tmp_path / 'editor'
    editor.write_text('#!/bin/sh\nsed -i "s/sessionAffinity: None/sessionAffinity: Nope/" "$1"\n'
                      f'cp "$1" {tmp_path}/seen\n')
    editor.chmod(0o755)
    assert 'no valid changes were saved' in shop.refused(
        'edit', 'svc', 'web', KUBE_EDITOR=str(editor), TMPDIR=str(tmp_path))
    assert ('# * spec.sessionAffinity: Unsupported value: "Nope": supported values: "ClientIP", "None"'
            in (tmp_path / 'seen').read_text())
    assert shop.service()['spec']['sessionAffinity'] == 'None'


def test_three_kinds_of_patch(shop):
    shop('create', '-f', '-', stdin=SERVICE)

    def patch(kind, what):
        shop('patch', 'svc', 'web', f'--type={kind}', '-p', json.dumps(what))
        return shop.service()['spec']
    named = {'ports': [{'port': 80, 'name': 'http'}, {'port': 443, 'name': 'https'}]}
    spec = patch('strategic', {'spec': named})
    assert [(p['name'], p['port'], p['targetPort']) for p in spec['ports']] == [
        ('http', 80, 80), ('https', 443, 443)]
    spec = patch('strategic', {'spec': {'ports': [{'port': 443, '$patch': 'delete'}]}})
    assert [p['name'] for p in spec['ports']] == ['http']
    spec = patch('merge', {'spec': {'ports': [{'port': 81}], 'selector': {'app': None, 'x': 'y'}}})
    assert spec['ports'] == [{'port': 81, 'protocol': 'TCP', 'targetPort': 81}]
    assert spec['selector'] == {'x': 'y'}
    spec = patch('json', [{'op': 'test', 'path': '/spec/ports/0/port', 'value': 81},
                          {'op': 'add', 'path': '/spec/ports/0/name', 'value': 'web'}])
    assert spec['ports'][0]['name'] == 'web'
    assert 'may not change once set' in shop.refused(
        'patch', 'svc', 'web', '--type=merge', '-p', '{"spec":{"clusterIP":"10.96.0.99"}}')
    assert 'services "none" not found' in shop.refused('patch', 'svc', 'none', '-p', '{}')


def test_labels_and_annotations(shop):
    shop('create', '-f', '-', stdin=SERVICE)
    assert shop('label', 'svc', 'web', 'tier=front').startswith('service/web labeled')
    assert "already has a value (front), and --overwrite is false" in shop.refused(
        'label', 'svc', 'web', 'tier=back')
    shop('label', 'svc', 'web', 'tier=back', '--overwrite')
    assert shop('get', 'svc', '-l', 'tier in (back, side),app', '-o', 'name') == 'service/web\n'
    assert shop('get', 'svc', '-l', 'tier!=back', '-o', 'name') == ''
    [line] = shop('get', 'svc', '-L', 'tier', '--no-headers').splitlines()
    assert line.split()[-1] == 'back'
    shop('label', 'svc', 'web', 'tier-')
    assert shop.service()['metadata']['labels'] == {'app': 'web'}
    assert shop('annotate', 'svc', 'web', 'note=two words').startswith('service/web annotated')
    assert shop.service()['metadata']['annotations'] == {'note': 'two words'}
    shop('annotate', 'svc', 'web', 'note-')
    assert 'annotations' not in shop.service()['metadata']
    assert 'a valid label must be' in shop.refused('label', 'svc', 'web', 'tier=_')


def test_ways_to_print(shop):
    shop('create', 'service', 'nodeport', 'door', '--tcp=80:8080', '--node-port=30021')
    shop('create', 'service', 'externalname', 'far', '--external-name=example.com')
    [door, far] = shop('get', 'svc', '-o', 'wide', '--no-headers').splitlines()
    assert door.split()[4] == '80:30021/TCP' and door.split()[-1] == 'app=door'
    assert far.split()[:5] == ['far', 'ExternalName', '<none>', 'example.com', '<none>']
    columns = shop('get', 'svc', '-o', 'custom-columns=N:.metadata.name,P:.spec.ports[*].nodePort')
    assert [line.split() for line in columns.splitlines()] == [
        ['N', 'P'], ['door', '30021'], ['far', '<none>']]
    every = '{range .items[*]}{.metadata.name}={.spec.type} {end}'
    assert shop('get', 'svc', '-o', f'jsonpath={every}') == 'door=NodePort far=ExternalName '
    assert shop('get', 'svc', '--sort-by=.spec.type', '-o', 'name') == 'service/far\nservice/door\n'
    assert shop('get', 'svc', 'door', '-o', 'go-template={{len .spec.ports}}') == '1'
    assert shop('get', 'svc', '--field-selector=spec.type=NodePort',
                '-o', 'name') == 'service/door\n'
    yaml = shop('get', 'svc', 'door', '-o', 'yaml')
    assert re.search(r'^    nodePort: 30021$', yaml, re.M)
    shop('delete', 'svc', 'door')
    shop('create', '-f', '-', stdin=yaml)  # what it prints can be read again
    assert shop.service('door')['spec']['ports'][0]['nodePort'] == 30021
    described = shop('describe', 'svc', 'door')
    for line in (r'^Type:\s+NodePort$', r'^NodePort:\s+80-8080\s+30021/TCP$',
                 r'^Selector:\s+app=door$'):
        assert re.search(line, described, re.M), described


def test_wait_and_delete(shop):
    held = SERVICE.replace('name: web\n', 'name: web\n  finalizers: [example.com/hold]\n')
    shop('create', '-f', '-', stdin=held)
    waiting = shop.popen('wait', '--for=delete', 'svc/web', '--timeout=30s')
    assert 'deleted' in shop('delete', 'svc', 'web', '--wait=false')
    assert 'deletionTimestamp' in shop.service()['metadata']
    assert waiting.poll() is None
    shop('patch', 'svc', 'web', '--type=merge', '-p', '{"metadata":{"finalizers":null}}')
    assert waiting.communicate(timeout=20)[0] == 'service/web condition met\n'
    assert waiting.returncode == 0 and 'not found' in shop.refused('get', 'svc', 'web')

    shop('create', '-f', '-', stdin=SERVICE)
    assert 'deleted' in shop('delete', 'svc', '--all')
    assert shop('get', 'svc', '-o', 'name') == ''


def test_a_watch_shows_every_change(shop):
    shop('create', '-f', '-', stdin=SERVICE)
    watch = shop.popen('get', 'svc', '-w', '--no-headers')
    first = watch.stdout.readline().split()  # the list comes first, then the watch from there
    assert first[:2] == ['web', 'ClusterIP']
    shop('patch', 'svc', 'web', '-p', '{"spec":{"type":"NodePort"}}')
    second = watch.stdout.readline().split()
    assert second[:3] == ['web', 'NodePort', first[2]]
    shop('delete', 'svc', 'web')
    assert watch.stdout.readline().split()[:3] == ['web', 'NodePort', first[2]]
    watch.terminate()
    assert watch.communicate(timeout=10)[0] == ''


def test_explain(shop):
    shown = shop('explain', 'service.spec.clusterIP')
    assert re.search(r'^KIND: +Service$', shown, re.M) and re.search(r'^VERSION: +v1$', shown, re.M)
    assert re.search(r'clusterIP\s+<string>', shown)
    assert 'ports' in shop('explain', 'service.spec') and 'nodePort' in shop(
        'explain', 'service.spec.ports')
    assert 'field "nope" does not exist' in shop.refused('explain', 'service.spec.nope')
    assert re.search("doesn't have a resource type|couldn't find resource",
                     shop.refused('explain', 'nothings'))


def test_what_may_be_done_and_what_there_is(shop):
    assert shop('auth', 'can-i', 'create', 'services') == 'yes\n'
    done = shop.server.run('-n', shop.name, 'auth', 'can-i', 'create', 'services', '--as=bob')
    assert (done.returncode, done.stdout.split()[0]) == (1, 'no')
    assert 'services is forbidden: User "bob" cannot list resource "services"' in shop.refused(
        'get', 'svc', '--as=bob')
    lines = [line.split() for line in shop('api-resources', '--no-headers').splitlines()]
    kinds = {line[-1]: line for line in lines}
    assert kinds['Service'] == ['services', 'svc', 'v1', 'true', 'Service']
    assert kinds['Deployment'] == ['deployments', 'deploy', 'apps/v1', 'true', 'Deployment']
    assert kinds['ServiceCIDR'][-2:] == ['false', 'ServiceCIDR']
    versions = shop('api-versions').split()
    assert {'v1', 'apps/v1', 'discovery.k8s.io/v1', 'coordination.k8s.io/v1'} <= set(versions)


def test_scale_expose_and_roll(shop):
    shop('create', 'deployment', 'web', '--image=nginx')
    scaled = shop('scale', 'deployment', 'web', '--replicas=3')
    assert scaled == 'deployment.apps/web scaled\n'
    assert 'Expected replicas to be 5, was 3' in shop.refused(
        'scale', 'deployment', 'web', '--replicas=1', '--current-replicas=5')
    shop('set', 'image', 'deployment/web', 'nginx=nginx:2')
    deployment = json.loads(shop('get', 'deployment', 'web', '-o', 'json'))
    assert deployment['spec']['replicas'] == 3 and deployment['metadata']['generation'] == 3
    assert deployment['spec']['template']['spec']['containers'][0]['image'] == 'nginx:2'
    shop('expose', 'deployment', 'web', '--port=80', '--type=NodePort', '--name=door')
    spec = shop.service('door')['spec']
    assert spec['selector'] == {'app': 'web'} and spec['type'] == 'NodePort'
    assert 'services "door" already exists' in shop.refused(
        'expose', 'deployment', 'web', '--port=80', '--name=door')
