"""What Kubernetes' own end-to-end tests of Services ask of the API server and its controllers, as
far as it needs no traffic: test/e2e/network of Kubernetes 1.36, whose names the docstrings give."""
import contextlib
import http.client
import itertools
import json
import re
import socket

import pytest

from api_server import Server
from machine import wait_until

MERGE = 'application/merge-patch+json'
NAME = 'kubernetes.io/service-name'
MANAGED_BY = 'endpointslice.kubernetes.io/managed-by'
DISCOVERY = '/apis/discovery.k8s.io/v1'
NETWORKING = '/apis/networking.k8s.io/v1'
RANGE_ERROR = 'provided port is not in the valid range. The range of valid ports is 30000-32767'


class Connection(http.client.HTTPConnection):
    """To a Unix socket."""

    def __init__(self, path):
        super().__init__('localhost', timeout=20)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self.path)


class Refused(Exception):
    def __init__(self, status):
        super().__init__(status['message'])
        self.code, self.reason, self.message = status['code'], status['reason'], status['message']


class Client:
    """The raw API; what is refused is an exception."""

    def __init__(self, connect):
        self.connect = connect

    def request(self, method, path, body=None, content_type='application/json'):
        connection = self.connect()
        data = json.dumps(body) if body is not None else None
        connection.request(method, path, data, {'Content-Type': content_type} if data else {})
        with contextlib.closing(connection):
            answer = connection.getresponse()
            value = json.loads(answer.read())
        if answer.status >= 300:
            raise Refused(value)
        return value

    def get(self, path):
        return self.request('GET', path)

    def there(self, path):
        try:
            return self.get(path)
        except Refused as refused:
            assert refused.code == 404, refused
            return None

    def post(self, path, body):
        return self.request('POST', path, body)

    def put(self, path, body):
        return self.request('PUT', path, body)

    def patch(self, path, body, content_type=MERGE):
        return self.request('PATCH', path, body, content_type)

    def delete(self, path):
        return self.request('DELETE', path)

    def change(self, path, change):
        """Reads, changes and writes back."""
        value = self.get(path)
        change(value)
        return self.put(path, value)


class Watch:
    """The events of a list, as they come."""

    def __init__(self, client, path):
        self.connection = client.connect()
        mark = '&' if '?' in path else '?'
        self.connection.request('GET', f'{path}{mark}watch=1&timeoutSeconds=60')
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200

    def until(self, kind, fits=lambda value: True):
        """The object of the next event of this kind that fits; what comes before is passed over."""
        while True:
            event = json.loads(self.answer.readline())
            if event['type'] == kind and fits(event['object']):
                return event['object']

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.connection.close()


class Namespace:
    """A fresh namespace and what is made in it."""

    def __init__(self, client, name):
        self.client, self.name = client, name
        client.post('/api/v1/namespaces', {'metadata': {'name': name}})
        self.core = f'/api/v1/namespaces/{name}'
        self.services = f'{self.core}/services'
        self.endpoints = f'{self.core}/endpoints'
        self.slices = f'{DISCOVERY}/namespaces/{name}/endpointslices'

    def service(self, name, *ports, labels=None, **spec):
        spec['ports'] = [{'port': 80}] if not ports else list(ports)
        return self.client.post(self.services, {
            'metadata': {'name': name, 'labels': labels or {}}, 'spec': spec})

    def slices_of(self, name):
        return self.client.get(f'{self.slices}?labelSelector={NAME}%3D{name}')['items']

    def served(self, name):
        """{(address, port)} of the ready endpoints of all slices."""
        return {(address, port['port']) for s in self.slices_of(name)
                for endpoint in s['endpoints'] or () for address in endpoint['addresses']
                for port in s['ports'] or () if endpoint['conditions']['ready']}

    def serves(self, name, *pairs):
        wait_until(f'{name} serves {pairs}', lambda: self.served(name) == set(pairs))

    def pod(self, name, address, *ports, ready=True, labels=None, **spec):
        """A pod that runs, as a kubelet would tell it."""
        spec = {'containers': [{'name': 'c', 'image': 'i', 'ports': list(ports)}],
                'nodeName': 'n1', **spec}
        self.client.post(f'{self.core}/pods', {
            'metadata': {'name': name, 'labels': labels or {'app': 'web'}}, 'spec': spec})
        self.is_ready(name, ready, address)

    def is_ready(self, name, ready, *addresses):
        status = {'phase': 'Running', 'conditions': [
            {'type': 'Ready', 'status': 'True' if ready else 'False'}]}
        if addresses:
            status.update(podIP=addresses[0], podIPs=[{'ip': ip} for ip in addresses])
        self.client.patch(f'{self.core}/pods/{name}/status', {'status': status})

    def remove_pod(self, name):
        self.client.request('DELETE', f'{self.core}/pods/{name}?gracePeriodSeconds=0')


@pytest.fixture(scope='module')
def client(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp('server'))
    client = Client(lambda: Connection(server.data / 'server.sock'))
    client.post('/api/v1/nodes', {'metadata': {'name': 'n1'}})
    yield client
    server.stop()


@pytest.fixture
def ns(client, request):
    return Namespace(client, re.sub(r'[^a-z0-9]+', '-', request.node.name).strip('-'))


# -- service.go: what slices say --


def test_basic_endpoints(ns):
    """should serve a basic endpoint from pods"""
    ns.service('web', selector={'app': 'web'})
    [empty] = wait_until('a slice', lambda: ns.slices_of('web'))
    assert not empty['endpoints'] and empty['addressType'] == 'IPv4'
    ns.pod('pod1', '10.1.0.1')
    ns.serves('web', ('10.1.0.1', 80))
    ns.pod('pod2', '10.1.0.2')
    ns.serves('web', ('10.1.0.1', 80), ('10.1.0.2', 80))
    ns.remove_pod('pod1')
    ns.serves('web', ('10.1.0.2', 80))
    ns.remove_pod('pod2')
    ns.serves('web')
    assert len(ns.slices_of('web')) == 1


def test_multiport_endpoints(ns):
    """should serve multiport endpoints from pods"""
    ns.service('web', {'name': 'one', 'port': 80, 'targetPort': 'svc1'},
               {'name': 'two', 'port': 81, 'targetPort': 'svc2'}, selector={'app': 'web'})
    ns.pod('pod1', '10.1.0.1', {'name': 'svc1', 'containerPort': 100})
    ns.pod('pod2', '10.1.0.2', {'name': 'svc2', 'containerPort': 101})
    ns.serves('web', ('10.1.0.1', 100), ('10.1.0.2', 101))
    names = {(port['name'], port['port']) for s in ns.slices_of('web') for port in s['ports']}
    assert names == {('one', 100), ('two', 101)}
    ns.remove_pod('pod1')
    ns.serves('web', ('10.1.0.2', 101))


def test_ports_come_and_go(ns):
    """should be updated after adding or deleting ports"""
    ns.service('web', {'name': 'one', 'port': 80, 'targetPort': 8080}, selector={'app': 'web'})
    ns.pod('pod1', '10.1.0.1')
    ns.serves('web', ('10.1.0.1', 8080))
    path = f'{ns.services}/web'
    ns.client.change(path, lambda s: s['spec']['ports'].append({'name': 'two', 'port': 81}))
    ns.serves('web', ('10.1.0.1', 8080), ('10.1.0.1', 81))
    ns.client.change(path, lambda s: s['spec']['ports'].pop(0))
    ns.serves('web', ('10.1.0.1', 81))


def test_recreated_service(ns):
    """should work after the service has been recreated"""
    ns.pod('pod1', '10.1.0.1')
    first = ns.service('web', selector={'app': 'web'})
    ns.serves('web', ('10.1.0.1', 80))
    ns.client.delete(f'{ns.services}/web')
    second = ns.service('web', selector={'app': 'web'})
    assert second['metadata']['uid'] != first['metadata']['uid']

    def owners():
        return {owner['uid'] for s in ns.slices_of('web')
                for owner in s['metadata']['ownerReferences']}
    wait_until('slices of the new one only', lambda: owners() == {second['metadata']['uid']})
    ns.serves('web', ('10.1.0.1', 80))


def test_named_ports_differ_between_pods(ns):
    """should be able to connect to named targetPorts that resolve to different ports"""
    ns.service('web', {'name': 'http', 'port': 80, 'targetPort': 'http'}, selector={'app': 'web'})
    for number in 0, 1:
        ns.pod(f'pod{number}', f'10.1.0.{number}', {'name': 'http', 'containerPort': 8080 + number})
    ns.serves('web', ('10.1.0.0', 8080), ('10.1.0.1', 8081))
    assert all(port['name'] == 'http' for s in ns.slices_of('web') for port in s['ports'])
    ns.remove_pod('pod1')
    ns.pod('pod1', '10.1.0.1', {'name': 'http', 'containerPort': 9090})
    ns.serves('web', ('10.1.0.0', 8080), ('10.1.0.1', 9090))


def test_ports_of_restartable_init_containers(ns):
    """should connect to the named ports exposed by restartable init containers"""
    ns.service('web', {'port': 80, 'targetPort': 'side'}, selector={'app': 'web'})
    ns.pod('pod1', '10.1.0.1', initContainers=[
        {'name': 's', 'image': 'i', 'restartPolicy': 'Always',
         'ports': [{'name': 'side', 'containerPort': 8082}]}])
    ns.serves('web', ('10.1.0.1', 8082))


def test_unready_pods_that_are_published(ns):
    """should create endpoints for unready pods; should (not) be able to connect to terminating and
    unready endpoints if PublishNotReadyAddresses is true (false)"""
    ns.service('web', selector={'app': 'web'}, publishNotReadyAddresses=True)
    ns.pod('pod1', '10.1.0.1', ready=False)
    ns.serves('web', ('10.1.0.1', 80))
    path = f'{ns.services}/web'
    ns.client.patch(path, {'spec': {'publishNotReadyAddresses': False}})
    ns.serves('web')
    ns.client.patch(path, {'spec': {'publishNotReadyAddresses': True}})
    # a finalizer keeps the pod, terminating
    pod = f'{ns.core}/pods/pod1'
    ns.client.patch(pod, {'metadata': {'finalizers': ['example.com/hold']}})
    ns.remove_pod('pod1')

    def conditions():
        return [e['conditions'] for s in ns.slices_of('web') for e in s['endpoints'] or ()]
    wait_until('it terminates', lambda: conditions() == [
        {'ready': True, 'serving': False, 'terminating': True}])
    ns.client.patch(path, {'spec': {'publishNotReadyAddresses': False}})
    wait_until('it is not ready', lambda: conditions() == [
        {'ready': False, 'serving': False, 'terminating': True}])
    ns.client.patch(pod, {'metadata': {'finalizers': None}})
    ns.serves('web')


def test_same_port_and_different_protocols(ns):
    """should serve endpoints on same port and different protocols; should be able to update service
    type to NodePort listening on same port number but different protocols"""
    ns.pod('pod1', '10.1.0.1')
    tcp = {'name': 'tcp-port', 'port': 80, 'protocol': 'TCP', 'targetPort': 80}
    udp = {'name': 'udp-port', 'port': 80, 'protocol': 'UDP', 'targetPort': 80}
    ns.service('web', tcp, udp, selector={'app': 'web'})

    def protocols(*wanted):
        def now():
            return [sorted(port['protocol'] for port in s['ports'])
                    for s in ns.slices_of('web') if s['ports']]
        wait_until(f'{wanted}', lambda: now() == [list(wanted)])
    protocols('TCP', 'UDP')
    path = f'{ns.services}/web'
    ns.client.change(path, lambda s: s['spec'].update(ports=[tcp]))
    protocols('TCP')
    ns.client.change(path, lambda s: s['spec'].update(ports=[udp]))
    protocols('UDP')
    changed = ns.client.change(path, lambda s: s['spec'].update(type='NodePort', ports=[tcp, udp]))
    protocols('TCP', 'UDP')
    assert all(30000 <= port['nodePort'] <= 32767 for port in changed['spec']['ports'])


# -- service.go: types and ports --


@pytest.mark.parametrize('kind', ['ClusterIP', 'NodePort'])
def test_from_and_to_external_name(ns, kind):
    """should be able to change the type from ExternalName to ClusterIP (NodePort) and back"""
    path = f'{ns.services}/web'
    made = ns.client.post(ns.services, {'metadata': {'name': 'web'}, 'spec': {
        'type': 'ExternalName', 'externalName': 'foo.example.com'}})
    assert 'clusterIP' not in made['spec'] and 'ipFamilies' not in made['spec']

    def to_kind(service):
        service['spec'].update(type=kind, externalName='', ports=[{'port': 80}])
    spec = ns.client.change(path, to_kind)['spec']
    assert spec['clusterIP'].startswith('10.96.') and spec['clusterIPs'] == [spec['clusterIP']]
    assert ('nodePort' in spec['ports'][0]) == (kind == 'NodePort') and 'externalName' not in spec
    address = f"{NETWORKING}/ipaddresses/{spec['clusterIP']}"
    assert ns.client.get(address)['spec']['parentRef']['name'] == 'web'

    def back(service):
        service['spec'].update(type='ExternalName', externalName='other.example.com')
        for key in 'clusterIP', 'clusterIPs':
            service['spec'].pop(key)
        for port in service['spec']['ports']:
            port.pop('nodePort', None)
    spec = ns.client.change(path, back)['spec']
    assert spec['type'] == 'ExternalName' and spec['externalName'] == 'other.example.com'
    assert 'clusterIP' not in spec and 'clusterIPs' not in spec and 'ipFamilies' not in spec
    wait_until('the address is free', lambda: ns.client.there(address) is None)


def test_node_port_collisions(ns):
    """should prevent NodePort collisions; should release NodePorts on delete"""
    port = ns.service('one', type='NodePort')['spec']['ports'][0]['nodePort']
    wanted = {'port': 80, 'nodePort': port}
    with pytest.raises(Refused) as refused:
        ns.service('two', wanted, type='NodePort')
    assert re.search(r'(?s)' + str(port) + r'.*port is already allocated', refused.value.message)
    assert refused.value.code == 422 and ns.client.there(f'{ns.services}/two') is None
    ns.client.delete(f'{ns.services}/one')
    assert ns.service('two', wanted, type='NodePort')['spec']['ports'][0]['nodePort'] == port


@pytest.mark.parametrize('port', [29999, 32768])
def test_node_port_out_of_range(ns, port):
    """should check NodePort out-of-range"""
    made = ns.service('one', type='NodePort')
    made['spec']['ports'][0]['nodePort'] = port
    with pytest.raises(Refused) as refused:
        ns.client.put(f'{ns.services}/one', made)
    assert f'Invalid value: {port}: {RANGE_ERROR}' in refused.value.message
    with pytest.raises(Refused) as refused:
        ns.service('two', {'port': 80, 'nodePort': port}, type='NodePort')
    assert f'Invalid value: {port}: {RANGE_ERROR}' in refused.value.message


def test_health_check_node_port_follows_the_policy(ns):
    """should implement NodePort and HealthCheckNodePort correctly when ExternalTrafficPolicy
    changes"""
    path = f'{ns.services}/web'
    made = ns.service('web', type='LoadBalancer', externalTrafficPolicy='Local')['spec']
    port = made['healthCheckNodePort']
    assert 30000 <= port <= 32767 and port != made['ports'][0]['nodePort']

    def to_cluster(service):
        service['spec'].update(externalTrafficPolicy='Cluster', healthCheckNodePort=0)
    assert 'healthCheckNodePort' not in ns.client.change(path, to_cluster)['spec']
    # it is free again: another one may have it, and give it back
    other = ns.service('other', type='LoadBalancer', externalTrafficPolicy='Local',
                       healthCheckNodePort=port)
    assert other['spec']['healthCheckNodePort'] == port
    ns.client.delete(f'{ns.services}/other')

    def to_local(service):
        service['spec'].update(externalTrafficPolicy='Local', healthCheckNodePort=port)
    spec = ns.client.change(path, to_local)['spec']
    assert spec['healthCheckNodePort'] == port and spec['ports'] == made['ports']


@pytest.mark.parametrize('affinity', ['ClientIP', 'None'])
def test_switch_session_affinity(ns, affinity):
    """should be able to switch session affinity"""
    other = {'ClientIP': 'None', 'None': 'ClientIP'}[affinity]
    config = {'clientIP': {'timeoutSeconds': 10800}}
    assert ns.service('web', sessionAffinity=affinity)['spec']['sessionAffinity'] == affinity
    for wanted in other, affinity:
        spec = ns.client.patch(f'{ns.services}/web', {'spec': {'sessionAffinity': wanted}})['spec']
        assert spec['sessionAffinity'] == wanted
        assert spec.get('sessionAffinityConfig') == (config if wanted == 'ClientIP' else None)


# -- service.go: the API --


def test_the_kubernetes_service(client):
    """should find a service from listing all namespaces; apiserver.go: should provide a kubernetes
    service, and Endpoints and EndpointSlices for it that agree"""
    names = {(s['metadata']['namespace'], s['metadata']['name'])
             for s in client.get('/api/v1/services')['items']}
    assert ('default', 'kubernetes') in names
    [subset] = client.get('/api/v1/namespaces/default/endpoints/kubernetes')['subsets']
    [one] = client.get(f'{DISCOVERY}/namespaces/default/endpointslices?labelSelector='
                       f'{NAME}%3Dkubernetes')['items']
    assert [a['ip'] for a in subset['addresses']] == [e['addresses'][0] for e in one['endpoints']]
    assert [(p['name'], p['port']) for p in subset['ports']] == [
        (p['name'], p['port']) for p in one['ports']]


def test_service_status_lifecycle(ns):
    """should complete a service status lifecycle"""
    client, path = ns.client, f'{ns.services}/web'

    def named(value):
        return value['metadata']['name'] == 'web'
    with Watch(client, f'{ns.services}?labelSelector=test-service-static%3Dtrue') as watch:
        ns.service('web', {'name': 'http', 'port': 80, 'targetPort': 80}, type='LoadBalancer',
                   labels={'test-service-static': 'true'}, loadBalancerClass='example.com/internal')
        assert watch.until('ADDED', named)['status'] == {'loadBalancer': {}}
        assert client.get(f'{path}/status')['metadata']['name'] == 'web'

        ingress = [{'ip': '203.0.113.1'}]
        client.patch(f'{path}/status', {'metadata': {'annotations': {'patchedstatus': 'true'}},
                                        'status': {'loadBalancer': {'ingress': ingress}}})
        seen = watch.until('MODIFIED', lambda s: 'annotations' in s['metadata'])
        assert seen['metadata']['annotations'] == {'patchedstatus': 'true'}
        assert seen['status']['loadBalancer']['ingress'] == [{'ip': '203.0.113.1', 'ipMode': 'VIP'}]

        condition = {'type': 'StatusUpdate', 'status': 'True', 'reason': 'E2E',
                     'message': 'Set from e2e test', 'lastTransitionTime': '2020-01-01T00:00:00Z'}
        client.change(f'{path}/status', lambda s: s['status'].update(conditions=[condition]))
        assert watch.until('MODIFIED', lambda s: 'conditions' in s['status'])['status'][
            'conditions'] == [condition]

        client.patch(path, {'metadata': {'labels': {'test-service': 'patched'}}})
        seen = watch.until('MODIFIED', lambda s: s['metadata']['labels'].get('test-service'))
        assert seen['status']['conditions'] == [condition]
        client.delete(path)
        watch.until('DELETED', named)


def test_status_is_written_by_itself(ns):
    """A PUT to the one leaves the other as it is."""
    path = f'{ns.services}/web'
    ns.service('web', type='LoadBalancer')
    ingress = {'loadBalancer': {'ingress': [{'hostname': 'lb.example.com'}]}}
    changed = ns.client.change(path, lambda s: s.update(status=ingress))
    assert changed['status'] == {'loadBalancer': {}}

    def change(service):
        service['status'] = ingress
        service['spec']['sessionAffinity'] = 'ClientIP'
    changed = ns.client.change(f'{path}/status', change)
    assert changed['status'] == ingress and changed['spec']['sessionAffinity'] == 'None'


def test_delete_a_collection(ns):
    """should delete a collection of services"""
    for name, label in ('a', 'true'), ('b', 'true'), ('c', 'false'):
        ns.service(name, labels={'e2e': label}, type='NodePort')
    with Watch(ns.client, ns.services) as watch:
        ns.client.delete(f'{ns.services}?labelSelector=e2e%3Dtrue')
        gone = {watch.until('DELETED')['metadata']['name'] for _ in range(2)}
    assert gone == {'a', 'b'}
    assert [s['metadata']['name'] for s in ns.client.get(ns.services)['items']] == ['c']


def test_a_namespace_takes_its_services_along(ns):
    """apimachinery/namespace.go: should ensure that all services are removed when a namespace is
    deleted"""
    address = ns.service('web')['spec']['clusterIP']
    ns.client.delete(f'/api/v1/namespaces/{ns.name}')
    wait_until('it is gone', lambda: ns.client.there(f'/api/v1/namespaces/{ns.name}') is None)
    assert ns.client.there(f'{NETWORKING}/ipaddresses/{address}') is None
    ns.client.post('/api/v1/namespaces', {'metadata': {'name': ns.name}})
    assert ns.client.get(ns.services)['items'] == [] and ns.client.get(ns.slices)['items'] == []
    assert ns.service('web', clusterIP=address)['spec']['clusterIP'] == address


# -- endpoints.go, endpointslice.go --


def test_endpoints_lifecycle(ns):
    """should test the lifecycle of an Endpoint"""
    client, path = ns.client, f'{ns.endpoints}/test'
    subset = {'addresses': [{'ip': '10.0.0.24'}],
              'ports': [{'name': 'http', 'port': 80, 'protocol': 'TCP'}]}
    with Watch(client, f'{ns.endpoints}?labelSelector=static%3Dtrue') as watch:
        client.post(ns.endpoints, {'metadata': {'name': 'test', 'labels': {'static': 'true'}},
                                   'subsets': [subset]})
        assert watch.until('ADDED')['subsets'] == [subset]
        items = client.get('/api/v1/endpoints?labelSelector=static%3Dtrue')['items']
        assert [i['metadata']['name'] for i in items] == ['test']
        client.change(path, lambda e: e['metadata']['labels'].update(phase='updated'))
        watch.until('MODIFIED', lambda e: e['metadata']['labels'].get('phase') == 'updated')
        other = {'addresses': [{'ip': '10.0.0.25'}],
                 'ports': [{'name': 'http-test', 'port': 8080, 'protocol': 'TCP'}]}
        client.patch(path, {'metadata': {'labels': {'phase': 'patched'}}, 'subsets': [other]})
        seen = watch.until('MODIFIED', lambda e: e['metadata']['labels'].get('phase') == 'patched')
        assert seen['subsets'] == [other]
        client.delete(f'{ns.endpoints}?labelSelector=static%3Dtrue')
        watch.until('DELETED')
    assert client.there(path) is None


def test_nothing_selected(ns):
    """should create and delete Endpoints and EndpointSlices for a Service with a selector specified
    (that matches no pods)"""
    ns.service('web', {'name': 'x', 'port': 80}, selector={'no': 'such'})
    endpoints = f'{ns.endpoints}/web'
    wait_until('Endpoints', lambda: ns.client.there(endpoints))
    [one] = wait_until('a slice', lambda: ns.slices_of('web'))
    assert one['metadata']['labels'][MANAGED_BY] == 'endpointslice-controller.k8s.io'
    [owner] = one['metadata']['ownerReferences']
    assert owner['kind'] == 'Service' and owner['name'] == 'web' and owner['controller'] is True
    assert not ns.client.get(endpoints).get('subsets')
    ns.client.delete(f'{ns.services}/web')
    wait_until('no Endpoints', lambda: ns.client.there(endpoints) is None)
    wait_until('no slices', lambda: ns.slices_of('web') == [])


def test_pods_selected_by_two_services(ns):
    """should create Endpoints and EndpointSlices for Pods matching a Service"""
    ports = {'name': 'example-name', 'containerPort': 3000}, {'containerPort': 3001}
    ns.service('int', {'name': 'example', 'port': 80, 'targetPort': 3000}, selector={'int': 'yes'})
    ns.service('named', {'name': 'http', 'port': 80, 'targetPort': 'example-name'},
               selector={'named': 'yes'})
    for pod, labels in ('pod1', {'int': 'yes', 'named': 'yes'}), ('pod2', {'named': 'yes'}):
        port = dict(ports[0]) if pod == 'pod1' else dict(ports[0], containerPort=3001)
        ns.pod(pod, f'10.1.0.{pod[-1]}', port, labels=labels)
    ns.serves('int', ('10.1.0.1', 3000))
    ns.serves('named', ('10.1.0.1', 3000), ('10.1.0.2', 3001))

    def subsets():
        value = ns.client.get(f'{ns.endpoints}/named').get('subsets') or ()
        return {(a['ip'], p['name'], p['port']) for s in value
                for a, p in itertools.product(s['addresses'], s['ports'])}
    wait_until('Endpoints say the same', lambda: subsets() == {
        ('10.1.0.1', 'http', 3000), ('10.1.0.2', 'http', 3001)})
    [endpoint] = ns.slices_of('int')[0]['endpoints']
    assert endpoint['targetRef']['kind'] == 'Pod' and endpoint['targetRef']['name'] == 'pod1'
    assert endpoint['nodeName'] == 'n1'

    old = {s['metadata']['name'] for s in ns.slices_of('named')}
    for name in old:
        ns.client.delete(f'{ns.slices}/{name}')
    ns.serves('named', ('10.1.0.1', 3000), ('10.1.0.2', 3001))
    assert not old & {s['metadata']['name'] for s in ns.slices_of('named')}


def test_endpoint_slice_api(ns):
    """should support creating EndpointSlice API operations"""
    client = ns.client
    [group] = [g for g in client.get('/apis')['groups'] if g['name'] == 'discovery.k8s.io']
    assert {'groupVersion': 'discovery.k8s.io/v1', 'version': 'v1'} in group['versions']
    assert client.get('/apis/discovery.k8s.io')['name'] == 'discovery.k8s.io'
    assert 'endpointslices' in {r['name'] for r in client.get(DISCOVERY)['resources']}

    selector = f'{ns.slices}?labelSelector=special%3Dyes'

    def create(name):
        return client.post(ns.slices, {
            'metadata': {'name': name, 'labels': {'special': 'yes'}}, 'addressType': 'IPv4',
            'endpoints': [{'addresses': ['1.2.3.4', '5.6.7.8']}]})
    for name in 'one', 'two', 'three':
        create(name)
    with pytest.raises(Refused) as refused:
        create('one')
    assert refused.value.reason == 'AlreadyExists'
    assert len(client.get(selector)['items']) == 3
    everywhere = client.get(f'{DISCOVERY}/endpointslices?labelSelector=special%3Dyes')
    assert len(everywhere['items']) == 3
    revision = everywhere['metadata']['resourceVersion']
    with Watch(client, f'{selector}&resourceVersion={revision}') as watch:
        client.patch(f'{ns.slices}/one', {'metadata': {'annotations': {'patched': 'true'}}})
        assert watch.until('MODIFIED')['metadata']['annotations'] == {'patched': 'true'}
        client.change(f'{ns.slices}/one',
                      lambda s: s['metadata']['annotations'].update(updated='true'))
        assert watch.until('MODIFIED')['metadata']['annotations']['updated'] == 'true'
        client.delete(f'{ns.slices}/one')
        assert watch.until('DELETED')['metadata']['name'] == 'one'
    client.delete(selector)
    assert client.get(selector)['items'] == []


# -- endpointslicemirroring.go --


def mirrored(ns, name):
    return [s for s in ns.slices_of(name)
            if s['metadata']['labels'][MANAGED_BY] == 'endpointslicemirroring-controller.k8s.io']


def test_mirroring(ns):
    """should mirror a custom Endpoints resource through create update and delete"""
    path = f'{ns.endpoints}/custom'
    ns.service('custom', {'name': 'example', 'port': 80})
    ns.client.post(ns.endpoints, {'metadata': {'name': 'custom'}, 'subsets': [
        {'addresses': [{'ip': '10.1.2.3'}], 'ports': [{'name': 'example', 'port': 80}]}]})

    def is_mirrored(address, port):
        [one] = mirrored(ns, 'custom') or [None]
        return one and [e['addresses'] for e in one['endpoints']] == [[address]] and [
            (p['name'], p['port']) for p in one['ports']] == [('example', port)]
    wait_until('the mirror', lambda: is_mirrored('10.1.2.3', 80), 12)

    def change(endpoints):
        endpoints['subsets'][0]['addresses'] = [{'ip': '10.2.3.4'}]
        endpoints['subsets'][0]['ports'][0]['port'] = 81
    ns.client.change(path, change)
    wait_until('the mirror of the change', lambda: is_mirrored('10.2.3.4', 81), 12)
    ns.client.delete(path)
    wait_until('no mirror', lambda: ns.slices_of('custom') == [], 12)


def test_mirroring_of_several_subsets(ns):
    """should mirror a custom Endpoint with multiple subsets and same IP address"""
    ns.service('custom', {'name': 'one', 'port': 80}, {'name': 'two', 'port': 81})
    ns.client.post(ns.endpoints, {'metadata': {'name': 'custom'}, 'subsets': [
        {'addresses': [{'ip': '10.1.2.3'}], 'ports': [{'name': name, 'port': port}]}
        for name, port in (('one', 8090), ('two', 9090))]})

    def pairs():
        return {(e['addresses'][0], p['name'], p['port']) for s in mirrored(ns, 'custom')
                for e, p in itertools.product(s['endpoints'], s['ports'])}
    both = {('10.1.2.3', 'one', 8090), ('10.1.2.3', 'two', 9090)}
    wait_until('both', lambda: pairs() == both, 12)


def test_not_mirrored(ns):
    """Endpoints that say so, or of a Service that selects pods."""
    ns.service('skipped')
    ns.service('selecting', selector={'app': 'web'})
    ns.service('plain')
    subsets = [{'addresses': [{'ip': '10.1.2.3'}], 'ports': [{'port': 80}]}]
    skip = {'endpointslice.kubernetes.io/skip-mirror': 'true'}
    ns.client.post(ns.endpoints, {'metadata': {'name': 'skipped', 'labels': skip},
                                  'subsets': subsets})
    ns.client.post(ns.endpoints, {'metadata': {'name': 'plain'}, 'subsets': subsets})
    wait_until('the mirror of the last', lambda: mirrored(ns, 'plain'), 12)
    assert ns.slices_of('skipped') == [] and mirrored(ns, 'selecting') == []


# -- service_cidrs.go --


def test_service_cidr_api(client):
    """should support ServiceCIDR API operations"""
    cidrs = f'{NETWORKING}/servicecidrs'
    assert 'servicecidrs' in {r['name'] for r in client.get(NETWORKING)['resources']}
    with Watch(client, f'{cidrs}?fieldSelector=metadata.name%3Dscenario') as watch:
        client.post(cidrs, {'metadata': {'name': 'scenario'}, 'spec': {'cidrs': ['10.190.0.0/24']}})
        watch.until('ADDED')
        watch.until('MODIFIED', lambda c: [(x['type'], x['status']) for x in c['status'].get(
            'conditions', ())] == [('Ready', 'True')])
        with pytest.raises(Refused) as refused:
            client.patch(f'{cidrs}/scenario', {'spec': {'cidrs': ['10.191.0.0/24']}})
        assert 'field is immutable' in refused.value.message
        condition = {'type': 'StatusUpdate', 'status': 'True', 'reason': 'E2E', 'message': 'set',
                     'lastTransitionTime': '2020-01-01T00:00:00Z'}
        client.change(f'{cidrs}/scenario/status',
                      lambda c: c['status']['conditions'].append(condition))
        assert condition in watch.until('MODIFIED', lambda c: len(c['status']['conditions']) == 2)[
            'status']['conditions']
        client.delete(f'{cidrs}/scenario')
        watch.until('DELETED')


def test_ip_address_api(client):
    """should support IPAddress API operations"""
    addresses = f'{NETWORKING}/ipaddresses'

    def create(name):
        return client.post(addresses, {
            'metadata': {'name': name, 'labels': {'scenario': 'yes'}},
            'spec': {'parentRef': {'group': '', 'resource': 'nodes', 'name': 'n1'}}})
    with Watch(client, f'{addresses}?labelSelector=scenario%3Dyes') as watch:
        create('192.168.7.1')
        watch.until('ADDED')
        create('2001:db8::7')
        client.patch(f'{addresses}/192.168.7.1', {'metadata': {'annotations': {'patched': 'true'}}})
        watch.until('MODIFIED', lambda a: a['metadata']['annotations'] == {'patched': 'true'})
        client.change(f'{addresses}/192.168.7.1',
                      lambda a: a['metadata']['annotations'].update(updated='true'))
        watch.until('MODIFIED', lambda a: 'updated' in a['metadata']['annotations'])
        with pytest.raises(Refused):
            client.patch(f'{addresses}/192.168.7.1', {'spec': {'parentRef': {'name': 'n2'}}})
        assert len(client.get(f'{addresses}?labelSelector=scenario%3Dyes')['items']) == 2
        client.delete(f'{addresses}/192.168.7.1')
        assert watch.until('DELETED')['metadata']['name'] == '192.168.7.1'
        client.delete(f'{addresses}?labelSelector=scenario%3Dyes')
        assert watch.until('DELETED')['metadata']['name'] == '2001:db8::7'
