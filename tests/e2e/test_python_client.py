"""The official Python client against 'fairlead server': pages, patches, watches, leader election."""
import datetime
import json
import threading
import time

import pytest

from api_server import Server
from machine import wait_until

pytest.importorskip('kubernetes')

import urllib3  # noqa: E402
from kubernetes import client, config, watch  # noqa: E402
from kubernetes.client.rest import ApiException  # noqa: E402
from kubernetes.leaderelection import electionconfig, leaderelection  # noqa: E402
from kubernetes.leaderelection.leaderelectionrecord import LeaderElectionRecord  # noqa: E402
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock  # noqa: E402


@pytest.fixture(scope='module')
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp('server'))
    config.load_kube_config(config_file=str(server.config))
    yield server
    server.stop()


@pytest.fixture
def namespace(server, request):
    """A namespace of the test's own."""
    api, name = client.CoreV1Api(), request.node.name.replace('_', '-').replace('[', '-').rstrip(']').lower()
    api.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=name)))
    yield name
    api.delete_namespace(name)

    def is_gone():
        try:
            return not api.read_namespace(name)
        except ApiException as e:
            return e.status == 404
    wait_until('the namespace is gone', is_gone)


def config_map(name, **data):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels={'of': 'test'}), data=data)


def service(name):
    return client.V1Service(
        metadata=client.V1ObjectMeta(name=name, labels={'app': 'web'}),
        spec=client.V1ServiceSpec(selector={'app': 'web'}, ports=[
            client.V1ServicePort(name='http', port=80, target_port='web'),
            client.V1ServicePort(name='https', port=443, target_port=8443)]))


def test_objects(namespace):
    """What the typed models send comes back in them."""
    api = client.CoreV1Api()
    made = api.create_namespaced_service(namespace, service('web'))
    assert made.spec.type == 'ClusterIP' and made.spec.cluster_ip.startswith('10.96.')
    assert [p.target_port for p in made.spec.ports] == ['web', 8443]
    assert isinstance(made.metadata.creation_timestamp, datetime.datetime)
    made.spec.ports[1].target_port = 8444
    assert api.replace_namespaced_service('web', namespace, made).spec.ports[1].target_port == 8444
    with pytest.raises(ApiException) as e:
        api.replace_namespaced_service('web', namespace, made)
    assert e.value.status == 409 and json.loads(e.value.body)['reason'] == 'Conflict'
    found = api.list_service_for_all_namespaces(label_selector='app=web',
                                                field_selector='metadata.name=web')
    assert [s.metadata.namespace for s in found.items] == [namespace]
    endpoints = client.V1EndpointSlice(
        metadata=client.V1ObjectMeta(name='web', labels={'kubernetes.io/service-name': 'web'}),
        address_type='IPv4', endpoints=[client.V1Endpoint(addresses=['192.0.2.1'])],
        ports=[client.DiscoveryV1EndpointPort(name='http', port=80)])
    client.DiscoveryV1Api().create_namespaced_endpoint_slice(namespace, endpoints)
    assert client.DiscoveryV1Api().read_namespaced_endpoint_slice('web', namespace).ports[0].protocol == 'TCP'
    api.delete_namespaced_service('web', namespace)
    with pytest.raises(ApiException) as e:
        api.read_namespaced_service('web', namespace)
    assert e.value.status == 404 and json.loads(e.value.body)['message'] == 'services "web" not found'


def test_dry_run(namespace):
    api = client.CoreV1Api()
    assert api.create_namespaced_service(namespace, service('web'), dry_run='All').metadata.uid
    assert api.list_namespaced_service(namespace).items == []


def test_pages(namespace):
    """All pages show one moment, whatever is written between them."""
    api = client.CoordinationV1Api()
    for i in range(7):
        api.create_namespaced_lease(namespace, client.V1Lease(metadata=client.V1ObjectMeta(name=f'c{i}')))
    names, token, versions, left = [], None, set(), []
    while token != '':
        page = api.list_namespaced_lease(namespace, limit=3, _continue=token)
        names += [c.metadata.name for c in page.items]
        versions.add(page.metadata.resource_version)
        left.append(page.metadata.remaining_item_count)
        if token is None:
            api.delete_namespaced_lease('c4', namespace)
            api.create_namespaced_lease(namespace, client.V1Lease(metadata=client.V1ObjectMeta(name='c41')))
        token = page.metadata._continue or ''
    assert names == [f'c{i}' for i in range(7)]
    assert len(versions) == 1
    assert left == [4, 1, None]
    with pytest.raises(ApiException) as e:
        api.list_namespaced_lease(namespace, limit=3, _continue='nonsense')
    assert e.value.status == 400


def test_strategic_merge_patch(namespace):
    """What the client sends for a dict: a port is found by its number."""
    api = client.CoreV1Api()
    api.create_namespaced_service(namespace, service('web'))
    patched = api.patch_namespaced_service('web', namespace, {'spec': {'ports': [{'port': 80, 'targetPort': 1}]}})
    assert [(p.port, p.target_port) for p in patched.spec.ports] == [(80, 1), (443, 8443)]


def test_json_patch(namespace):
    """What the client sends for a list."""
    api = client.CoreV1Api()
    api.create_namespaced_service(namespace, service('web'))
    change = [{'op': 'test', 'path': '/spec/ports/0/port', 'value': 80},
              {'op': 'replace', 'path': '/spec/ports/0/targetPort', 'value': 'x'},
              {'op': 'remove', 'path': '/spec/ports/1'}]
    patched = api.patch_namespaced_service('web', namespace, change)
    assert [(p.port, p.target_port) for p in patched.spec.ports] == [(80, 'x')]
    with pytest.raises(ApiException) as e:
        api.patch_namespaced_service('web', namespace, [{'op': 'test', 'path': '/spec/ports/0/port', 'value': 1}])
    assert e.value.status == 422


def test_merge_patch(namespace):
    """The type that the client only sends when told."""
    api = client.CoreV1Api()
    api.create_namespaced_service(namespace, service('web'))
    forced = client.ApiClient()
    forced.set_default_header('Content-Type', 'application/merge-patch+json')
    choose = forced.select_header_content_type
    forced.select_header_content_type = lambda types, *rest: (
        'application/merge-patch+json' if 'application/merge-patch+json' in types else choose(types, *rest))
    patched = client.CoreV1Api(forced).patch_namespaced_service(
        'web', namespace, {'metadata': {'labels': {'app': None, 'b': 'c'}},
                           'spec': {'ports': [{'name': 'dns', 'port': 53, 'protocol': 'UDP'}]}})
    assert patched.metadata.labels == {'b': 'c'}
    assert [(p.port, p.protocol) for p in patched.spec.ports] == [(53, 'UDP')]


def test_status_and_scale(namespace):
    api, apps = client.CoreV1Api(), client.AppsV1Api()
    body = service('web')
    body.spec.type = 'LoadBalancer'
    api.create_namespaced_service(namespace, body)
    patched = api.patch_namespaced_service_status(
        'web', namespace, {'status': {'loadBalancer': {'ingress': [{'ip': '192.0.2.7'}]}}})
    assert patched.status.load_balancer.ingress[0].ip == '192.0.2.7'
    template = client.V1PodTemplateSpec(
        metadata=client.V1ObjectMeta(labels={'a': 'b'}),
        spec=client.V1PodSpec(containers=[client.V1Container(name='c', image='i')]))
    apps.create_namespaced_deployment(namespace, client.V1Deployment(
        metadata=client.V1ObjectMeta(name='d'),
        spec=client.V1DeploymentSpec(selector={'matchLabels': {'a': 'b'}}, template=template)))
    scale = apps.patch_namespaced_deployment_scale('d', namespace, {'spec': {'replicas': 3}})
    assert scale.spec.replicas == 3
    assert apps.read_namespaced_deployment('d', namespace).spec.replicas == 3


class Follower(threading.Thread):
    """Watches ConfigMaps from a resourceVersion on; begins again where it was when the stream breaks."""

    def __init__(self, namespace, version):
        super().__init__(daemon=True)
        self.namespace, self.version = namespace, version
        self.events, self.breaks, self.failure = [], 0, None
        self.wanted = True

    def run(self):
        while self.wanted:
            stream = watch.Watch()
            try:
                for event in stream.stream(client.CoreV1Api().list_namespaced_config_map, self.namespace, label_selector='of=test',
                                           resource_version=self.version, _request_timeout=30):
                    self.events.append((event['type'], event['object'].metadata.name))
                    self.version = event['object'].metadata.resource_version
                    if event['object'].metadata.name == 'last':
                        return
            except (urllib3.exceptions.HTTPError, OSError):
                self.breaks += 1
                time.sleep(0.1)
            except Exception as e:  # what the test fails with
                self.failure = e
                return


@pytest.mark.parametrize('how', ['stop', 'kill'])
def test_watch_through_a_restart(server, namespace, how):
    api = client.CoreV1Api()
    api.create_namespaced_config_map(namespace, config_map('before'))
    follower = Follower(namespace, api.list_namespaced_config_map(namespace).metadata.resource_version)
    follower.start()
    api.create_namespaced_config_map(namespace, config_map('one'))
    wait_until('the first event', lambda: follower.events)
    if how == 'kill':
        server.process.kill()
        server.process.wait()
    else:
        server.stop()
    server.start()
    # The client's own connections of before are dead; it says so once.
    wait_until('a connection', lambda: created(api, namespace, 'two'))
    api.patch_namespaced_config_map('one', namespace, {'data': {'a': 'b'}})
    api.delete_namespaced_config_map('before', namespace)
    api.create_namespaced_config_map(namespace, config_map('last'))
    follower.join(30)
    follower.wanted = False
    assert not follower.is_alive() and follower.failure is None, follower.failure
    assert follower.events == [('ADDED', 'one'), ('ADDED', 'two'), ('MODIFIED', 'one'), ('DELETED', 'before'),
                               ('ADDED', 'last')]


def created(api, namespace, name):
    try:
        return api.create_namespaced_config_map(namespace, config_map(name))
    except urllib3.exceptions.HTTPError:
        return None


def test_watch_ends_in_time(namespace):
    """It has no version, and so it begins with all there is."""
    api = client.CoreV1Api()
    api.create_namespaced_config_map(namespace, config_map('here'))
    events = list(watch.Watch().stream(api.list_namespaced_config_map, namespace,
                                       label_selector='of=test', timeout_seconds=1))
    assert [(e['type'], e['object'].metadata.name) for e in events] == [('ADDED', 'here')]


class LeaseLock:
    """A lock for the election module, kept in a Lease: this version of it only has one in a ConfigMap."""

    def __init__(self, name, namespace, identity):
        self.api, self.lease = client.CoordinationV1Api(), None
        self.name, self.namespace, self.identity = name, namespace, identity

    def get(self, name, namespace):
        try:
            self.lease = self.api.read_namespaced_lease(name, namespace)
        except ApiException as e:
            return False, e
        spec = self.lease.spec
        return True, LeaderElectionRecord(spec.holder_identity, str(spec.lease_duration_seconds),
                                          str(spec.acquire_time), str(spec.renew_time))

    @staticmethod
    def spec(record, acquired):
        now = datetime.datetime.now(datetime.timezone.utc)
        return client.V1LeaseSpec(holder_identity=record.holder_identity, renew_time=now,
                                  acquire_time=acquired or now,
                                  lease_duration_seconds=int(float(record.lease_duration)))

    def create(self, name, namespace, election_record):
        body = client.V1Lease(metadata=client.V1ObjectMeta(name=name), spec=self.spec(election_record, None))
        return self.write(lambda: self.api.create_namespaced_lease(namespace, body))

    def update(self, name, namespace, updated_record):
        old = self.lease.spec
        changes = old.holder_identity != updated_record.holder_identity
        self.lease.spec = self.spec(updated_record, None if changes else old.acquire_time)
        self.lease.spec.lease_transitions = (old.lease_transitions or 0) + changes
        return self.write(lambda: self.api.replace_namespaced_lease(name, namespace, self.lease))

    @staticmethod
    def write(call):
        try:
            return bool(call())
        except ApiException as e:
            assert e.status == 409, e
            return False


class Candidate(threading.Thread):
    """Stands for election until it crashes: from then on it renews nothing."""

    def __init__(self, kind, namespace, name, log):
        super().__init__(daemon=True)
        self.log, self.lock = log, kind('lock', namespace, name)
        self.update, self.lock.update = self.lock.update, self.renew
        self.crashed = False
        self.config = electionconfig.Config(
            self.lock, lease_duration=3, renew_deadline=2, retry_period=1,
            onstarted_leading=lambda: log.append(f'{name} leads'),
            onstopped_leading=lambda: log.append(f'{name} stopped'))

    def renew(self, *words):
        return not self.crashed and self.update(*words)

    def run(self):
        leaderelection.LeaderElection(self.config).run()


@pytest.mark.parametrize('kind', [LeaseLock, ConfigMapLock])
def test_leader_election(namespace, kind):
    log = []
    candidates = {name: Candidate(kind, namespace, name, log) for name in ('a', 'b')}
    for candidate in candidates.values():
        candidate.start()
    wait_until('a leader', lambda: log)
    first = log[0][0]
    second = 'b' if first == 'a' else 'a'
    time.sleep(4)  # longer than a lease: who renews it stays
    assert log == [f'{first} leads']
    candidates[first].crashed = True
    wait_until('another leader', lambda: f'{second} leads' in log, seconds=20)
    wait_until('the first one knows', lambda: f'{first} stopped' in log, seconds=20)
    if kind is LeaseLock:
        lease = client.CoordinationV1Api().read_namespaced_lease('lock', namespace).spec
        assert (lease.holder_identity, lease.lease_transitions) == (second, 1)
        assert lease.renew_time.microsecond or lease.acquire_time.microsecond
    candidates[second].crashed = True
    for candidate in candidates.values():
        candidate.join(20)
        assert not candidate.is_alive()
