"""Bad input: a sentence that says what to do, exit status 1 or 2, nothing half-done."""
import os
import socket
import subprocess

import pytest

from machine import FAIRLEAD, TOP, cgroup2_root

EXAMPLE = TOP / 'examples' / 'service.yaml'


def fail(*words, **kw):
    done = subprocess.run([FAIRLEAD, *map(str, words)], capture_output=True, text=True, timeout=30, **kw)
    assert done.returncode in (1, 2), done
    assert done.stderr.startswith('fairlead: ') and 'Traceback' not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize('words, message', [
    ((), None),
    (('nothing',), "there is no command 'nothing'"),
    (('--nothing',), 'unknown option --nothing'),
    (('up', '--nothing'), 'unknown option --nothing'),
    (('up', 'word'), "unexpected argument 'word'"),
    (('up', '--listen', 'here'), '--listen here: expected ADDR:PORT'),
    (('up', '--service-cluster-ip-range', '10.0.0.0'), "'10.0.0.0' is not a CIDR"),
    (('server', '--service-node-port-range', '5-1'), 'expected A-B'),
    (('agent',), 'option --kubeconfig FILE is missing'),
    (('register', 'a'), 'option --address IP is missing'),
    (('register', 'a', '--address', '1.2.3', '--port', '80'), 'is not an IP address'),
    (('register', 'a', '--address', '1.2.3.4', '--port', 'x'), 'expected [NAME=]PORT'),
    (('register', 'a', '--address', '1.2.3.4', '--port', '80', '-l', 'app'), 'expected KEY=VALUE'),
    (('register', 'a', '--address', '1.2.3.4', '--port', '80', '--tcp', '--http-get', '/'), 'exclude'),
    (('get',), 'expected KIND'),
    (('get', 'svc', '-o', 'xml'), "unknown output format 'xml'"),
    (('delete',), 'expected KIND NAME, or -f FILE'),
    (('apply',), 'option --filename FILE is missing'),
    (('completion', 'tcsh'), 'expected bash, zsh or fish'),
    (('demo-client', 'nowhere'), 'expected ADDR:PORT'),
    (('plan', '-f', EXAMPLE, '-o', 'xml'), "unknown output format 'xml'"),
])
def test_called_wrongly(words, message):
    if message is None:
        done = subprocess.run([FAIRLEAD], capture_output=True, text=True)
        assert done.returncode == 2 and 'Usage: fairlead COMMAND' in done.stdout
        return
    status, err = fail(*words)
    assert status == 2 and message in err and '--help' in err, err


def test_no_server(tmp_path):
    env = dict(os.environ, HOME=str(tmp_path), KUBECONFIG='')
    if not os.path.exists('/var/lib/fairlead/admin.kubeconfig'):
        assert "start 'fairlead up'" in fail('get', 'svc', env=env)[1]
    assert 'cannot open /nowhere' in fail('get', 'svc', '--kubeconfig', '/nowhere')[1]
    config = tmp_path / 'config'
    config.write_text('apiVersion: v1\nkind: Config\ncurrent-context: a\n'
                      'clusters: [{name: a, cluster: {server: "http://127.0.0.1:1"}}]\n'
                      'contexts: [{name: a, context: {cluster: a, user: a}}]\n'
                      'users: [{name: a, user: {}}]\n')
    status, err = fail('get', 'svc', '--kubeconfig', config)
    assert status == 1 and 'Connection refused' in err and '127.0.0.1:1' in err


def test_bad_files(up, tmp_path):
    def apply(text, *options):
        path = tmp_path / 'x.yaml'
        path.write_text(text)
        status, out, err = up.done(FAIRLEAD, 'apply', '-f', path, *options)
        assert status == 1 and not out, (out, err)
        return err
    tab = apply('apiVersion: v1\nkind: Service\nmetadata:\n\tname: web\n')
    assert 'x.yaml:4' in tab and 'tab' in tab
    assert 'no matches for kind "Servise" in version "v1"' in apply(
        'apiVersion: v1\nkind: Servise\nmetadata: {name: a}\n')
    # one bad object in a file: none of them is created
    apply(EXAMPLE.read_text() + '---\nkind: Service\n')
    assert 'The Service "a" is invalid: spec.ports: Required value' in apply(
        'apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {}\n')
    assert 'namespaces "missing" not found' in apply(
        'apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: missing}\nspec: {ports: [{port: 1}]}\n')
    assert 'spec.ports' in apply(
        'apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: 80}\n')
    assert 'cannot open /nowhere.yaml' in up.done(FAIRLEAD, 'apply', '-f', '/nowhere.yaml')[2]
    names = [s['metadata']['name'] for s in up.get('svc')['items']]
    assert names == ['kubernetes']


def test_selector_that_matches_nothing(up):
    up.fairlead('apply', '-f', EXAMPLE)
    addr = up.cluster_ip()
    status, out, _ = up.done(FAIRLEAD, 'demo-client', f'{addr}:80', '--seconds', '1', '-o', 'json')
    assert status == 1 and '"Connection refused"' in out and '"answers": {}' in out


def test_port_taken(machine):
    holder = machine.popen('/usr/bin/python3', '-c', '''
import socket, time
s = socket.socket()
s.bind(("127.0.0.1", 6443)); s.listen()
print("bound", flush=True); time.sleep(30)''', stdout=subprocess.PIPE)
    assert holder.stdout.readline() == 'bound\n'
    status, _, err = machine.done(FAIRLEAD, 'up', '--data-dir', machine.data, '--cgroup',
                                  machine.cgroup, '--pin-dir', machine.pins)
    assert status == 1 and '127.0.0.1:6443' in err and 'another program' in err, err
    assert not os.path.exists(machine.pins), 'nothing half-done'


def test_two_on_one_data_dir(up):
    status, _, err = up.done(FAIRLEAD, 'up', '--data-dir', up.data, '--listen', '127.0.0.1:7443',
                             '--cgroup', up.cgroup, '--pin-dir', up.pins + 'b')
    assert status == 1 and str(up.data) in err, err
    assert up.get('svc', 'kubernetes')['spec']['clusterIP'] == '10.96.0.1'


def test_not_root(tmp_path):
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents:
        if str(parent) != '/tmp' and str(parent) != '/':
            parent.chmod(parent.stat().st_mode | 0o011)
    binary = tmp_path / 'fairlead'
    binary.write_bytes(open(FAIRLEAD, 'rb').read())
    binary.chmod(0o755)
    done = subprocess.run(['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', str(binary), 'up',
                           '--data-dir', str(tmp_path / 'data'), '--listen', '127.0.0.1:17443'],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and 'root' in done.stderr, done
    (tmp_path / 'Makefile').write_text((TOP / 'Makefile').read_text())  # a clone may be closed to others
    done = subprocess.run(['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', 'make', '-C', str(tmp_path), 'run'],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode != 0 and 'sudo make run' in done.stderr, done


def test_data_dir_of_this_folder(tmp_path):
    """A relative --data-dir is below the folder of the call."""
    server = subprocess.Popen([FAIRLEAD, 'server', '--data-dir', 'data', '--listen', '127.0.0.1:17443'],
                              cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        line = server.stderr.readline()
        assert 'ready in' in line, line
        done = subprocess.run([FAIRLEAD, 'get', 'ns', '--kubeconfig', 'data/admin.kubeconfig'],
                              cwd=tmp_path, capture_output=True, text=True, timeout=20)
        assert 'kube-system' in done.stdout, done
    finally:
        server.terminate()
        server.wait(20)


def test_no_cgroup2(machine):
    script = f'''
for m in $(awk '$0 ~ / - cgroup2 / {{ print $5 }}' /proc/self/mountinfo); do umount "$m"; done
exec {FAIRLEAD} up --data-dir {machine.data} --pin-dir {machine.pins}'''
    status, _, err = machine.done('unshare', '-m', 'sh', '-c', script)
    assert status == 1 and 'cgroup v2' in err and 'mount' in err, err


def test_half_sent_and_malformed_requests(up):
    """The server answers or hangs up, and goes on serving."""
    up.ok('/usr/bin/python3', '-c', f'''
import socket
for data in (b"GARBAGE\\r\\n\\r\\n", b"GET / HTTP/1.1\\r\\n", b"POST /api/v1/namespaces HTTP/1.1\\r\\nContent-Length: 99\\r\\n\\r\\nx",
             b"GET /" + b"a" * 100000 + b" HTTP/1.1\\r\\n\\r\\n", b"\\0" * 1000):
    s = socket.socket(socket.AF_UNIX)
    s.connect("{up.data}/server.sock")
    s.sendall(data)
    s.close()
''')
    assert up.get('svc', 'kubernetes')
