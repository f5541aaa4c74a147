"""A machine for a test: a network namespace, a cgroup and a bpffs pin folder of its own, in which
'fairlead up' runs and clients connect.  Pods are further namespaces, joined by a bridge."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
FAIRLEAD = os.environ.get('FAIRLEAD', str(TOP / 'build' / 'src' / 'cli' / 'fairlead'))
SUBNET = '10.244.9'


def run(*words, check=True, **kw):
    """A command in the root namespace; its standard output."""
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, **kw)
    if check and done.returncode != 0:
        raise AssertionError(f'{words}: exit {done.returncode}\n{done.stdout}{done.stderr}')
    return done.stdout


def cgroup2_root():
    """Where cgroup v2 is mounted; never assumed, there may be version 1 beside it."""
    for line in open('/proc/self/mountinfo'):
        left, right = line.split(' - ')
        if right.split()[0] == 'cgroup2':
            return left.split()[4]
    return None


def wait_until(what, condition, seconds=10.0, step=0.02):
    """Polls until condition() is true and returns its value; fails with 'what' after 'seconds'."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f'{what}: not within {seconds} s'
        time.sleep(step)


class Pod:
    """An nginx in a network namespace of its own, with its own address."""

    def __init__(self, machine, name, number):
        self.machine, self.name, self.netns = machine, name, f'{machine.netns}-{name}'
        self.ip = f'{SUBNET}.{number + 10}'
        self.process = None
        self.dir = machine.dir / name
        self.dir.mkdir()
        link = f'v{os.getpid() % 10000}-{number}'
        run('ip', 'netns', 'add', self.netns)
        run('ip', 'link', 'add', link, 'netns', machine.netns, 'type', 'veth',
            'peer', 'name', 'eth0', 'netns', self.netns)
        run('ip', '-n', machine.netns, 'link', 'set', link, 'master', 'br0', 'up')
        run('ip', '-n', self.netns, 'addr', 'add', f'{self.ip}/24', 'dev', 'eth0')
        for device in 'lo', 'eth0':
            run('ip', '-n', self.netns, 'link', 'set', device, 'up')
        run('ip', '-n', self.netns, 'route', 'add', 'default', 'via', f'{SUBNET}.1')
        self.write_conf('')

    def write_conf(self, health):
        """'health' is what stands in location /healthz, "" for 200."""
        d = self.dir
        (d / 'nginx.conf').write_text(f'''
            daemon off; pid {d}/pid; error_log {d}/error.log; worker_processes 1;
            events {{ worker_connections 1024; }}
            http {{
                access_log off; client_body_temp_path {d}; proxy_temp_path {d};
                fastcgi_temp_path {d}; uwsgi_temp_path {d}; scgi_temp_path {d};
                server {{
                    listen 80 backlog=1024;
                    location / {{ return 200 "{self.name}\\n"; }}
                    location /healthz {{ {health or 'return 200;'} }}
                }}
            }}''')

    def start(self):
        self.process = subprocess.Popen(
            ['nsenter', f'--net=/run/netns/{self.netns}', 'nginx', '-e', str(self.dir / 'error.log'),
             '-c', str(self.dir / 'nginx.conf')])

        def listens():
            return ':80' in run('nsenter', f'--net=/run/netns/{self.netns}', 'ss', '-ltn')
        wait_until(f'{self.name} listens', listens)

    def set_health(self, healthy):
        self.write_conf('' if healthy else 'return 503;')
        self.process.send_signal(signal.SIGHUP)

    def kill(self):
        """The process dies at once, with its workers; kernel connections are reset."""
        for pid in [self.process.pid, *self.workers()]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self.process = None

    def workers(self):
        out = run('pgrep', '-P', self.process.pid, check=False)
        return [int(pid) for pid in out.split()]

    def remove(self):
        if self.process:
            self.kill()
        run('ip', 'netns', 'del', self.netns, check=False)


class Machine:
    def __init__(self, name='m'):
        self.netns = f'fle2e{os.getpid()}{name}'
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='fairlead-e2e-'))
        self.data = self.dir / 'data'
        self.cgroup = pathlib.Path(cgroup2_root()) / self.netns
        self.pins = f'/sys/fs/bpf/{self.netns}'
        self.kubeconfig = self.data / 'admin.kubeconfig'
        self.home = self.dir / 'home'
        self.home.mkdir()
        self.log = open(self.dir / 'log', 'w')
        self.process = None
        self.pods = {}
        self.children = []
        self.cgroup.mkdir()
        run('ip', 'netns', 'add', self.netns)
        run('ip', '-n', self.netns, 'link', 'set', 'lo', 'up')
        run('ip', '-n', self.netns, 'link', 'add', 'br0', 'type', 'bridge')
        run('ip', '-n', self.netns, 'addr', 'add', f'{SUBNET}.1/24', 'dev', 'br0')
        run('ip', '-n', self.netns, 'link', 'set', 'br0', 'up')

    # -- processes on the machine --

    def popen(self, *words, **kw):
        """A process in the machine's namespace and cgroup."""
        def enter():
            with open(self.cgroup / 'cgroup.procs', 'w') as procs:
                procs.write('0')
        env = dict(os.environ, HOME=str(self.home), KUBECONFIG=str(self.kubeconfig))
        env.update(kw.pop('env', {}))
        process = subprocess.Popen(
            ['nsenter', f'--net=/run/netns/{self.netns}', *map(str, words)],
            text=True, preexec_fn=enter, env=env, **kw)
        self.children.append(process)
        return process

    def done(self, *words, stdin=None, timeout=60, **kw):
        """Runs to the end: (exit status, standard output, standard error)."""
        process = self.popen(*words, stdin=subprocess.PIPE if stdin is not None else None,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)
        out, err = process.communicate(stdin, timeout=timeout)
        self.children.remove(process)
        return process.returncode, out, err

    def ok(self, *words, **kw):
        status, out, err = self.done(*words, **kw)
        assert status == 0, f'{words}: exit {status}\n{out}{err}'
        return out

    def fairlead(self, *words, **kw):
        return self.ok(FAIRLEAD, *words, **kw)

    def get(self, *words):
        """An object or list as JSON."""
        return json.loads(self.fairlead('get', *words, '-o', 'json'))

    # -- fairlead up --

    def role(self, *words):
        """A long-running 'fairlead up', 'server' or 'agent' that has become ready."""
        start = len(self.log_text())
        process = self.popen(FAIRLEAD, *words, stdout=self.log, stderr=subprocess.STDOUT)

        def ready():
            assert process.poll() is None, self.log_text()
            return 'ready in' in self.log_text()[start:]
        wait_until(f'fairlead {words[0]} is ready', ready)
        return process

    def up(self, *options):
        self.process = self.role('up', '--data-dir', self.data, *self.here(), *options)

    def here(self):
        """What says to an agent that this is its machine."""
        return ('--cgroup', self.cgroup, '--pin-dir', self.pins, '--node-name', 'n1')

    def server(self, *options):
        return self.role('server', '--data-dir', self.data, *options)

    def agent(self, *options):
        return self.role('agent', '--kubeconfig', self.kubeconfig, '--register-node',
                         *self.here(), *options)

    def log_text(self):
        return (self.dir / 'log').read_text()

    def fairlead_pid(self):
        return self.process.pid  # nsenter executes the program in its place

    def kill(self, signo=signal.SIGKILL):
        self.process.send_signal(signo)
        status = self.process.wait(timeout=20)
        self.children.remove(self.process)
        self.process = None
        return status

    # -- Pods --

    def add_pod(self, name, *options, labels='app=web', probe=('--http-get', '/healthz')):
        pod = Pod(self, name, len(self.pods) + 1)
        self.pods[name] = pod
        pod.start()
        self.fairlead('register', name, '--address', pod.ip, '--port', '80', '-l', labels,
                      *probe, '--interval', '1', *options)
        return pod

    def backends(self, port=80, protocol='TCP'):
        """What the kernel has behind a frontend port: a set of addresses."""
        out = []
        status = json.loads(self.fairlead('status', '--pin-dir', self.pins, '-o', 'json'))
        for frontend in status['datapath']['list']:
            if frontend['port'] == port and frontend['protocol'] == protocol:
                out += [b['address'] for b in frontend['backends']]
        return set(out)

    def cluster_ip(self, name='web'):
        return self.get('svc', name)['spec']['clusterIP']

    def remove(self):
        for process in self.children:
            if process.poll() is None:
                process.kill()
                process.wait()
        for pod in self.pods.values():
            pod.remove()
        run(FAIRLEAD, 'agent', '--cleanup', '--pin-dir', self.pins, check=False)
        run('ip', 'netns', 'del', self.netns, check=False)
        for _ in range(50):
            try:
                self.cgroup.rmdir()
                break
            except OSError:
                time.sleep(0.02)
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def ip_of(text):
    return re.search(r'\d+\.\d+\.\d+\.\d+', text).group(0)
