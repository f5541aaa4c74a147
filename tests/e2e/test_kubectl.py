"""Stock kubectl, with the example file, against 'fairlead up'."""
import json
import re
import subprocess
import time

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
