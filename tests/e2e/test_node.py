"""What a node says of itself: health, metrics, health checks of Services, and that it repairs itself."""
import json
import re
import subprocess

import pytest

from machine import FAIRLEAD, run, wait_until

SERVICE = '''
apiVersion: v1
kind: Service
metadata: {name: shop}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  healthCheckNodePort: 31999
  ports:
  - {port: 80, targetPort: 8080}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: shop-1
  labels: {kubernetes.io/service-name: shop}
addressType: IPv4
ports:
- {name: "", port: 8080, protocol: TCP}
endpoints:
- {addresses: [10.244.200.1], nodeName: n1}
- {addresses: [10.244.200.2], nodeName: elsewhere}
'''


def get(machine, port, path, status=200):
    """(headers, body) of a GET on the machine."""
    out = machine.ok('curl', '-si', '--max-time', '5', f'http://127.0.0.1:{port}{path}')
    head, _, body = out.replace('\r\n', '\n').partition('\n\n')
    assert int(head.split()[1]) == status, out
    return head, body


def metric(machine, name):
    found = re.search(rf'^{re.escape(name)} (\S+)$', get(machine, 10249, '/metrics')[1], re.M)
    assert found, name
    return float(found[1])


def patch_node(machine, patch):
    machine.ok('curl', '-sf', '--unix-socket', machine.data / 'server.sock', '-XPATCH',
               '-HContent-Type: application/merge-patch+json', '-d', json.dumps(patch),
               'http://x/api/v1/nodes/n1', '-o', '/dev/null')


def answers_with(machine, path, status):
    code = machine.done('curl', '-so', '/dev/null', '-w', '%{http_code}',
                        f'http://127.0.0.1:10256{path}')[1]
    return int(code) == status


def test_health_and_metrics(up):
    head, body = get(up, 10256, '/healthz')
    assert 'Content-Type: application/json' in head and 'X-Content-Type-Options: nosniff' in head
    health = json.loads(body)
    assert health['healthy'] and health['nodeEligible'] and set(health['status']) == {'IPv4', 'IPv6'}
    assert 'nodeEligible' not in json.loads(get(up, 10256, '/livez')[1])
    assert get(up, 10256, '/readyz')[1] == 'ok'
    assert '[+]datapath ok' in get(up, 10256, '/readyz?verbose')[1]
    assert get(up, 10249, '/healthz')[1] == 'ok'
    assert get(up, 10249, '/proxyMode')[1] == 'ebpf'
    get(up, 10256, '/nope', 404)
    assert metric(up, 'fairlead_datapath_in_effect') == 1
    assert metric(up, 'kubeproxy_proxy_healthz_total{code="200"}') >= 1

    # a node that the autoscaler is about to remove gets no new traffic from outside, and is not restarted
    patch_node(up, {'spec': {'taints': [{'key': 'ToBeDeletedByClusterAutoscaler',
                                         'effect': 'NoSchedule'}]}})
    wait_until('not eligible', lambda: answers_with(up, '/healthz', 503))
    assert answers_with(up, '/livez', 200) and answers_with(up, '/readyz', 200)
    patch_node(up, {'spec': {'taints': None}})
    wait_until('eligible again', lambda: answers_with(up, '/healthz', 200))


def closed(machine, port):
    return machine.done('curl', '-s', '--max-time', '2', f'http://127.0.0.1:{port}/')[0] == 7


def test_health_check_node_port(up):
    file = up.dir / 'shop.yaml'
    file.write_text(SERVICE)
    up.fairlead('apply', '-f', file)
    wait_until('the health check', lambda: not closed(up, 31999))
    head, body = get(up, 31999, '/any/path')
    assert 'X-Load-Balancing-Endpoint-Weight: 1' in head
    assert body == ('{\n\t"service": {\n\t\t"namespace": "default",\n\t\t"name": "shop"\n\t},\n'
                    '\t"localEndpoints": 1,\n\t"serviceProxyHealthy": true\n}')
    none_here = SERVICE.replace('nodeName: n1', 'nodeName: n2')
    file.write_text(none_here)
    up.fairlead('apply', '-f', file)
    wait_until('no local endpoint', lambda: ' 503 ' in up.ok('curl', '-si', 'http://127.0.0.1:31999/'))
    assert 'X-Load-Balancing-Endpoint-Weight: 0' in get(up, 31999, '/', 503)[0]
    wait_until('it is counted', lambda: metric(
        up, 'kubeproxy_sync_proxy_rules_no_local_endpoints_total'
            '{traffic_policy="external",ip_family="IPv4"}') == 1)

    file.write_text(SERVICE.replace('Policy: Local', 'Policy: Cluster')
                    .replace('  healthCheckNodePort: 31999\n', ''))
    up.fairlead('apply', '-f', file)
    wait_until('policy Cluster closes it', lambda: closed(up, 31999))
    file.write_text(SERVICE)
    up.fairlead('apply', '-f', file)
    wait_until('policy Local opens it', lambda: not closed(up, 31999))
    up.fairlead('delete', 'svc', 'shop')
    wait_until('deletion closes it', lambda: closed(up, 31999))


def test_health_check_port_is_taken(up):
    holder = up.popen('/usr/bin/python3', '-m', 'http.server', '--bind', '0.0.0.0', '31999',
                      stderr=-3, stdout=-3)
    wait_until('somebody has the port', lambda: not closed(up, 31999))
    file = up.dir / 'shop.yaml'
    file.write_text(SERVICE)
    up.fairlead('apply', '-f', file)

    def event():
        return [e for e in up.get('events')['items']
                if e['reason'] == 'FailedToStartServiceHealthcheck']
    [e] = wait_until('an Event', event)
    assert e['type'] == 'Warning' and e['involvedObject']['name'] == 'shop'
    assert e['involvedObject']['uid'] == up.get('svc', 'shop')['metadata']['uid']
    assert 'node n1 failed to start healthcheck "default/shop" on port 31999' in e['message']
    holder.terminate()
    holder.wait()
    up.children.remove(holder)
    wait_until('tried again', lambda: not closed(up, 31999), seconds=15)
    assert 'X-Load-Balancing-Endpoint-Weight: 1' in get(up, 31999, '/')[0]


def test_programs_that_were_detached_come_back(up):
    for hook in 'connect4', 'sendmsg6':
        [link] = [p for p in run('find', up.pins, '-name', hook).split()]
        run('bpftool', 'link', 'detach', 'pinned', link)
    wait_until('attached anew', lambda: metric(up, 'fairlead_datapath_reattached_total') >= 1,
               seconds=30, step=0.5)
    assert get(up, 10256, '/readyz')[1] == 'ok'
    assert 'attached anew' in up.log_text()


def test_addresses_of_its_own(machine):
    machine.up('--healthz-bind-address', '127.0.0.1:20256', '--metrics-bind-address', '')
    get(machine, 20256, '/healthz')
    assert closed(machine, 10249) and closed(machine, 10256)


@pytest.mark.parametrize('words, said', [
    (['--healthz-bind-address', 'nonsense'],
     '--healthz-bind-address nonsense: expected ADDR:PORT, like 0.0.0.0:10256'),
    (['--metrics-bind-address', '127.0.0.1:99999'],
     '--metrics-bind-address 127.0.0.1:99999: expected ADDR:PORT, like 127.0.0.1:10249'),
    ([], 'option --kubeconfig FILE is missing'),
])
def test_bad_options(machine, words, said):
    status, _, err = machine.done(FAIRLEAD, 'agent', *words)
    assert status == 2 and said in err


def test_options_from_a_file(machine):
    machine.server()
    file = machine.dir / 'agent.yaml'
    file.write_text(f'kubeconfig: {machine.kubeconfig}\nregister-node: true\nnode-name: from-file\n'
                    f'pin-dir: {machine.pins}\ncgroup: {machine.cgroup}\n'
                    'healthz-bind-address: 127.0.0.1:20256\n')
    agent = machine.role('agent', '--config', file, '--node-name', 'n1')  # the command line wins
    assert machine.get('node', 'n1') and get(machine, 20256, '/readyz')[1] == 'ok'
    agent.terminate()
    assert agent.wait(timeout=10) == 0
    file.write_text('node-nam: n1\n')
    status, _, err = machine.done(FAIRLEAD, 'agent', '--config', file)
    assert status == 2 and f"{file}: unknown option 'node-nam'" in err


def hold_connections(machine, address, n):
    """A process that keeps n connections open until it is killed."""
    code = ('import socket, sys, time\n'
            f's = [socket.create_connection(("{address}", 80)) for _ in range({n})]\n'
            'print(len(s), flush=True)\ntime.sleep(60)')
    process = machine.popen('/usr/bin/python3', '-c', code, stdout=subprocess.PIPE)
    assert process.stdout.readline() == f'{n}\n'
    return process


def test_what_the_kernel_has(web):
    """Read from the maps: also after the agent is gone."""
    address, pins = web.cluster_ip(), ('--pin-dir', web.pins)
    holder = hold_connections(web, address, 6)
    web.kill()

    def shown(*words):
        return [line.split() for line in web.fairlead(*words, *pins).splitlines()]
    head, *rows = shown('get', 'frontends')
    assert head == ['ADDRESS', 'PROTOCOL', 'TYPE', 'SERVICE', 'BACKENDS']
    assert [f'{address}:80', 'TCP', 'ClusterIP', 'default/web', '3'] in rows
    mine = [row for row in shown('get', 'backends', '--no-headers') if row[2] == 'default/web']
    assert {row[0] for row in mine} == {f'{pod.ip}:80' for pod in web.pods.values()}
    assert {row[3] for row in mine} == {'active'} and sum(int(row[4]) for row in mine) == 6
    [service] = [s for s in json.loads(web.fairlead('get', 'services', '--kernel', '-o', 'json', *pins))
                 if s['name'] == 'web']
    assert service['connections'] == 6 and service['windows']['all'] == 3
    assert service['family'] == 'IPv4' and service['affinitySeconds'] == 0

    traced = web.fairlead('trace', f'{address}:80', *pins)
    assert traced.startswith(f'{address}:80: balanced\n') and 'one of 3 backends' in traced
    assert 'direct' in web.fairlead('trace', f'{address}:81', *pins)
    assert 'direct' in web.fairlead('trace', f'{address}:80', '--protocol', 'udp', *pins)
    verdict = json.loads(web.fairlead('trace', f'{address}:80', '-o', 'json', *pins))
    assert verdict['verdict'] == 'balanced' and len(verdict['backends']) == 3

    holder.kill()
    holder.wait()
    wait_until('no connections', lambda: sum(
        int(row[4]) for row in shown('get', 'backends', '--no-headers')) == 0)
    for words, status, said in [
            (['get', 'pods', '--kernel'], 2, 'the kernel has frontends, backends and services'),
            (['trace', address], 2, 'expected ADDR:PORT'),
            (['trace', f'{address}:80', '--protocol', 'icmp'], 2, 'expected tcp, udp or sctp')]:
        got, _, err = web.done(FAIRLEAD, *words, *pins)
        assert got == status and said in err
    got, _, err = web.done(FAIRLEAD, 'get', 'frontends', '--pin-dir', web.pins + '-none')
    assert got == 1 and 'no agent has run here' in err


def test_status_names_programs_that_are_gone(up):
    """Until the agent notices: its next look is seconds away."""
    [link] = run('find', up.pins, '-name', 'getpeername4').split()
    run('bpftool', 'link', 'detach', 'pinned', link)
    status, out, _ = up.done(FAIRLEAD, 'status', '--pin-dir', up.pins)
    assert status == 1 and 'programs that are not attached: getpeername4' in out
