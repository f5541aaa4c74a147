"""'fairlead server' alone, for tests that need no node."""
import json
import os
import re
import socket
import subprocess

from machine import FAIRLEAD, wait_until


class Server:
    """'fairlead server' on a free port, and a kubectl for it with a fresh HOME."""

    def __init__(self, directory, kubectl=None):
        self.kubectl = kubectl
        self.home = directory / 'home'
        self.home.mkdir()
        self.data = directory / 'data'
        self.config = self.data / 'admin.kubeconfig'
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            self.port = s.getsockname()[1]
        self.log = directory / 'log'
        self.start()

    def start(self):
        """Also again, after stop(): on the same port with the same data."""
        with open(self.log, 'a') as log:
            self.process = subprocess.Popen(
                [FAIRLEAD, 'server', '--data-dir', str(self.data), '--listen', f'127.0.0.1:{self.port}'],
                stdout=log, stderr=subprocess.STDOUT)
        wait_until('the server is ready', self.is_ready)

    def is_ready(self):
        assert self.process.poll() is None, self.log.read_text()
        return subprocess.run([FAIRLEAD, 'get', 'ns', '--kubeconfig', self.config],
                              capture_output=True).returncode == 0

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=20) == 0

    def run(self, *words, stdin=None, **environment):
        env = dict(os.environ, HOME=str(self.home), KUBECONFIG=str(self.config), **environment)
        return subprocess.run([self.kubectl, *map(str, words)], capture_output=True, text=True,
                              timeout=60, env=env, input=stdin)

    def ok(self, *words, **kw):
        done = self.run(*words, **kw)
        assert done.returncode == 0, f'{words}: {done.stdout}{done.stderr}'
        return done.stdout

    def get(self, *words):
        return json.loads(self.ok('get', *words, '-o', 'json'))

    def minor(self):
        version = json.loads(self.ok('version', '--client', '-o', 'json'))['clientVersion']
        return int(re.match(r'\d+', version['minor'])[0])
