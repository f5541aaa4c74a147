"""kubectl's generators ('create service', 'run', 'expose' ...) against 'fairlead server'.  From 1.32 on
kubectl sends what it creates in protobuf, older ones send JSON: the objects must be the same."""
import base64
import json
import re

import pytest


@pytest.fixture
def server(kubectl_server):
    return kubectl_server


def spec_of(server, *words):
    return server.get(*words)['spec']


def test_namespace(server):
    assert server.ok('create', 'namespace', 'shop') == 'namespace/shop created\n'
    namespace = server.get('namespace', 'shop')
    assert namespace['status'] == {'phase': 'Active'}
    assert namespace['spec'] == {'finalizers': ['kubernetes']}
    assert namespace['metadata']['labels'] == {'kubernetes.io/metadata.name': 'shop'}
    again = server.run('create', 'namespace', 'shop')
    assert again.returncode == 1
    assert again.stderr == ('Error from server (AlreadyExists): namespaces "shop" already exists\n')


def test_service_clusterip(server):
    out = server.ok('create', 'service', 'clusterip', 'web', '--tcp=80:8080', '--tcp=443:https')
    assert out == 'service/web created\n'
    service = server.get('service', 'web')
    assert service['metadata']['labels'] == {'app': 'web'}
    spec = service['spec']
    assert spec['ports'] == [
        {'name': '80-8080', 'port': 80, 'protocol': 'TCP', 'targetPort': 8080},
        {'name': '443-https', 'port': 443, 'protocol': 'TCP', 'targetPort': 'https'}]
    assert spec['type'] == 'ClusterIP' and spec['selector'] == {'app': 'web'}
    assert spec['clusterIPs'] == [spec['clusterIP']] and spec['clusterIP'].startswith('10.96.')
    assert spec['sessionAffinity'] == 'None' and spec['internalTrafficPolicy'] == 'Cluster'
    assert 'externalName' not in spec and 'loadBalancerIP' not in spec
    assert service['status'] == {'loadBalancer': {}}


def test_service_headless(server):
    server.ok('create', 'service', 'clusterip', 'none', '--clusterip=None')
    spec = spec_of(server, 'service', 'none')
    assert spec['clusterIP'] == 'None' and 'ports' not in spec


def test_service_nodeport(server):
    server.ok('create', 'service', 'nodeport', 'door', '--tcp=80:8080', '--node-port=30123')
    spec = spec_of(server, 'service', 'door')
    assert spec['type'] == 'NodePort' and spec['externalTrafficPolicy'] == 'Cluster'
    assert spec['ports'] == [{'name': '80-8080', 'port': 80, 'protocol': 'TCP', 'targetPort': 8080,
                              'nodePort': 30123}]


def test_service_externalname(server):
    server.ok('create', 'service', 'externalname', 'far', '--external-name=example.org')
    spec = spec_of(server, 'service', 'far')
    assert spec == {'type': 'ExternalName', 'externalName': 'example.org', 'selector': {'app': 'far'},
                    'sessionAffinity': 'None'}


def test_service_loadbalancer(server):
    server.ok('create', 'service', 'loadbalancer', 'front', '--tcp=80')
    spec = spec_of(server, 'service', 'front')
    assert spec['type'] == 'LoadBalancer' and spec['allocateLoadBalancerNodePorts'] is True
    [port] = spec['ports']
    assert 30000 <= port.pop('nodePort') <= 32767
    assert port == {'name': '80', 'port': 80, 'protocol': 'TCP', 'targetPort': 80}


def test_a_refused_service_is_told(server):
    done = server.run('create', 'service', 'clusterip', 'bad', '--tcp=80', '--clusterip=1.2.3.4')
    assert done.returncode == 1
    assert done.stderr == (
        'error: failed to create ClusterIP service: Service "bad" is invalid: spec.clusterIPs: '
        'Invalid value: ["1.2.3.4"]: failed to allocate IP 1.2.3.4: the provided network does not '
        'match the current range\n')


def test_deployment_scale_and_expose(server):
    server.ok('create', 'deployment', 'app', '--image=nginx', '--replicas=3', '--port=80')
    spec = spec_of(server, 'deployment', 'app')
    assert spec['replicas'] == 3 and spec['selector'] == {'matchLabels': {'app': 'app'}}
    assert spec['template']['metadata']['labels'] == {'app': 'app'}
    [container] = spec['template']['spec']['containers']
    assert container['name'] == 'nginx' and container['image'] == 'nginx'
    assert container['ports'] == [{'containerPort': 80, 'protocol': 'TCP'}]
    assert container['resources'] == {} and container['imagePullPolicy'] == 'Always'
    assert spec['strategy'] == {'type': 'RollingUpdate', 'rollingUpdate': {
        'maxSurge': '25%', 'maxUnavailable': '25%'}}
    server.ok('scale', 'deployment', 'app', '--replicas=1')
    assert spec_of(server, 'deployment', 'app')['replicas'] == 1
    server.ok('expose', 'deployment', 'app', '--port=8000', '--target-port=80')
    spec = spec_of(server, 'service', 'app')
    assert spec['selector'] == {'app': 'app'}
    assert spec['ports'] == [{'port': 8000, 'protocol': 'TCP', 'targetPort': 80}]


def test_run(server):
    out = server.ok('run', 'one', '--image=busybox', '--port=80', '--labels=app=one', '--env=A=b',
                    '--restart=Never', '--command', '--', 'sleep', '5')
    assert out == 'pod/one created\n'
    pod = server.get('pod', 'one')
    assert pod['metadata']['labels'] == {'app': 'one'}
    [container] = pod['spec']['containers']
    assert container['command'] == ['sleep', '5'] and container['env'] == [{'name': 'A', 'value': 'b'}]
    assert container['ports'] == [{'containerPort': 80, 'protocol': 'TCP'}]
    assert pod['spec']['restartPolicy'] == 'Never' and pod['status']['phase'] == 'Pending'
    server.ok('delete', 'pod', 'one', '--now')
    assert 'not found' in server.run('get', 'pod', 'one').stderr


def test_configmap(server, tmp_path):
    binary = tmp_path / 'bin.dat'
    binary.write_bytes(b'\xff\x00\x01')
    server.ok('create', 'configmap', 'settings', '--from-literal=a=b', '--from-literal=word=Größe',
              '--from-literal=none=', f'--from-file={binary}')
    config = server.get('configmap', 'settings')
    assert config['data'] == {'a': 'b', 'word': 'Größe', 'none': ''}
    assert config['binaryData'] == {'bin.dat': base64.b64encode(b'\xff\x00\x01').decode()}
    assert 'immutable' not in config


def test_secret(server):
    server.ok('create', 'secret', 'generic', 'keys', '--from-literal=p=w')
    secret = server.get('secret', 'keys')
    assert secret['data'] == {'p': 'dw=='} and secret['type'] == 'Opaque'
    server.ok('create', 'secret', 'docker-registry', 'pull', '--docker-server=x',
              '--docker-username=u', '--docker-password=p')
    secret = server.get('secret', 'pull')
    assert secret['type'] == 'kubernetes.io/dockerconfigjson'
    config = json.loads(base64.b64decode(secret['data']['.dockerconfigjson']))
    assert config['auths']['x']['username'] == 'u'


def test_serviceaccount_and_token(server):
    server.ok('create', 'serviceaccount', 'robot')
    account = server.get('serviceaccount', 'robot')
    assert set(account) == {'apiVersion', 'kind', 'metadata'}
    if server.minor() < 24:
        pytest.skip('this kubectl has no "create token"')
    token = server.ok('create', 'token', 'robot', '--duration=3600s', '--audience=there').strip()
    claims = token.split('.')[1]
    claims = json.loads(base64.urlsafe_b64decode(claims + '=' * (-len(claims) % 4)))
    assert claims['sub'] == 'system:serviceaccount:default:robot' and claims['aud'] == ['there']
    assert claims['exp'] - claims['iat'] == 3600


def test_can_i(server):
    assert server.ok('auth', 'can-i', 'create', 'services') == 'yes\n'
    assert server.ok('auth', 'can-i', 'get', 'pods', '--subresource=log', '-n', 'kube-system') == 'yes\n'
    assert server.ok('auth', 'can-i', 'get', '/healthz') == 'yes\n'
    rules = server.ok('auth', 'can-i', '--list')
    assert re.search(r'^\*\.\*\s+\[\]\s+\[\]\s+\[\*\]', rules, re.M), rules


def test_whoami(server):
    if server.minor() < 27:
        pytest.skip('this kubectl has no "auth whoami"')
    who = json.loads(server.ok('auth', 'whoami', '-o', 'json'))
    assert 'system:masters' in who['status']['userInfo']['groups']


def test_what_is_sent(server):
    """So that the tests above are about protobuf where kubectl speaks it."""
    log = server.run('-v=9', 'create', 'configmap', 'sent').stderr
    protobuf = re.search(r'Content-Type: application/vnd.kubernetes.protobuf', log) is not None
    assert protobuf == (server.minor() >= 32), log[:3000]
