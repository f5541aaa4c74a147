"""Recorded requests and kubectl commands: sends them to an API server and brings the answers into a
form that two servers can share.  recorded/README.md describes the files."""
import concurrent.futures
import functools
import http.client
import itertools
import json
import os
import pathlib
import re
import ssl
import subprocess
import time

RECORDED = pathlib.Path(__file__).with_name('recorded')
SETTLE = 5.0  # seconds that controllers have to bring about what a case with "settle" expects
HEADERS = 'allow', 'location', 'retry-after', 'www-authenticate'
# Whom a case speaks as: token, user, uid, groups.  The server reads them as its token file.
USERS = {
    'admin': 'token-of-admin,admin,admin,"system:masters"',
    'node': 'token-of-n1,system:node:n1,n1,"system:nodes"',
    'bob': 'token-of-bob,bob,bob,"dev"',
}


def topics():
    """{topic: cases}, in the order of their names; a topic is also its cases' namespace."""
    return {path.stem: [json.loads(line) for line in path.read_text().splitlines()]
            for path in sorted(RECORDED.glob('*.jsonl'))}


def known():
    """{'topic: case': why} of the answers that still differ."""
    lines = [line for line in (RECORDED / 'known.txt').read_text().splitlines()
             if line and not line.startswith('#')]
    return dict((part.strip() for part in line.split('  # ', 1)) for line in lines)


# -- What differs from run to run, or between servers by its nature --

CONSONANTS = '[bcdfghjklmnpqrstvwxz2456789]'
REPLACEMENTS = [(re.compile(pattern, re.M | re.S), by) for pattern, by in (
    (r'-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----(\\n|\s)*', 'CERTIFICATE'),
    (r'\beyJ[\w-]{20,}\.[\w-]+\.[\w-]+', 'TOKEN'),
    (r'\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b', 'UID'),
    # 2020 is the year of the times that the cases give themselves
    (r'\b20(2[1-9]|[3-9]\d)-\d\d-\d\d([T ])\d\d:\d\d:\d\d(\.\d+)?(Z| [+]0000)', 'TIME'),
    (r'\b\w{3}, \d\d \w{3} 20(2[1-9]|[3-9]\d) \d\d:\d\d:\d\d [+]0000', 'TIME'),
    (r'\b127\.0\.0\.1:\d+', 'SERVER'),
    (r'^( *)managedFields:\n(\1[- ] [^\n]*\n)+', ''),
    # allocated: above the bands that static requests of the cases come from
    (r'\b10\.96\.(?!0\.)\d+\.\d+\b', 'CLUSTERIP'),
    (r'\b10\.96\.0\.0\b(?!/)', 'CLUSTERIP'),  # what a dry run is given
    (r'\bfd00:10:96::[0-9a-f]{3,4}\b', 'CLUSTERIP6'),
    (r'(?<![\d.])3(008[6-9]|009\d|0[1-9]\d\d|1\d{3}|2[0-7]\d\d)\b(?!-)', 'NODEPORT'),
    (rf'(?<=[-_])(?![a-z]*ttl){CONSONANTS}{{5}}(?![\w-])', 'xxxxx'),
    (r'(resourceVersion\\?"?: ?)\\?"[0-9]+\\?"', r'\1RV'),
    (r'(resource version: )\d+ \(\d+\)', r'\1OLD (NEW)'),
    (r'(match the ResourceVersion in record )\(\d+\)', r'\1(RV)'),
    (r'(Too large resource version: \d+, current: )\d+', r'\1RV'),
)]
KUBECTL_REPLACEMENTS = [(re.compile(pattern, re.M), by) for pattern, by in (
    (r'^.*informerwatcher[.]go.*\n', ''),  # what the client logs when its time is over
    (r'^[EWI]\d{4} \S+ +\d+ [\w.]+:\d+\] ', ''),
    (r'/\S*/(kubectl-edit)-\d+', r'\1'),
    (r'/\S*/(LIVE|MERGED)-\d+', r'\1'),
    (r'(^(---|[+]{3}) \S+)\t.*', r'\1'),
    (r'(?<=\s)(\d+[smhd]){1,2}(?=\s|$)', 'AGE'),
    (r'(?<=\S) {2,}', '  '),
    (r' +$', ''),
)]
OF_THE_RUN = {'uid': 'UID', 'resourceVersion': 'RV', 'continue': 'CONTINUE', 'token': 'TOKEN',
              'serverAddress': 'SERVER'}
# 'description': of a Table's columns, documentation that no client shows
LEFT_OUT = 'managedFields', 'storageVersionHash', 'description'


def normal_text(text):
    for pattern, by in REPLACEMENTS:
        text = pattern.sub(by, text)
    return text


def normal(value, key=None):
    """A JSON value without what differs from run to run."""
    if isinstance(value, dict):
        return {k: normal(v, k) for k, v in value.items()
                if k not in LEFT_OUT}
    if isinstance(value, list):
        if key == 'cells':
            return ['AGE' if isinstance(v, str) and re.fullmatch(r'(\d+[smhd]){1,2}', v) else
                    normal(v) for v in value]
        return [normal(v) for v in value]
    if isinstance(value, str):
        if key in OF_THE_RUN and value:
            return OF_THE_RUN[key]
        return normal_text(value)
    if key in ('nodePort', 'healthCheckNodePort') and isinstance(value, int):
        text = normal_text(str(value))
        return value if text == str(value) else text
    return value


def normal_output(text):
    for pattern, by in KUBECTL_REPLACEMENTS:
        text = pattern.sub(by, text)
    return normal_text(text)


def normal_body(text):
    """JSON, a line of JSON per event of a watch, or text."""
    try:
        return normal(json.loads(text))
    except ValueError:
        pass
    try:
        lines = [normal(json.loads(line)) for line in text.splitlines()]
        return lines or ''
    except ValueError:
        return normal_text(text)


# -- Requests --

def merged(target, patch):
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    out = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merged(out.get(key), value)
    return out


def only_reads(case):
    """Whether it neither changes anything nor needs or gives a saved answer."""
    if 'kubectl' in case:
        return case['kubectl'][0] in ('get', 'describe', 'explain') and 'stdin' not in case
    return case['method'] == 'GET' and 'save' not in case and '${' not in case['path']


class Api:
    """An API server, and what a run of cases has learnt from its answers."""

    def __init__(self, address, authority, directory, kubectl=None):
        """'authority': PEM of the server's CA.  'directory': for kubectl's files, empty."""
        self.host, _, self.port = address.rpartition(':')
        self.tls = ssl.create_default_context(cadata=authority)
        self.saved = {}
        self.kubectl = kubectl
        self.dir = pathlib.Path(directory)
        cluster = {'server': f'https://{address}', 'certificate-authority': str(self.dir / 'ca')}
        (self.dir / 'ca').write_text(authority)
        for user in USERS:
            (self.dir / f'config-{user}').write_text(json.dumps({
                'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'x',
                'clusters': [{'name': 'x', 'cluster': cluster}],
                'contexts': [{'name': 'x', 'context': {'cluster': 'x', 'user': user}}],
                'users': [{'name': user, 'user': {'token': USERS[user].split(',')[0]}}]}))

    def fill(self, value):
        """Puts saved values in the place of ${name.path.to.value}, also inside JSON."""
        if isinstance(value, str):
            return re.sub(r'\$\{([^}]+)\}', lambda m: str(self.look_up(m[1])), value)
        if isinstance(value, list):
            return [self.fill(v) for v in value]
        if isinstance(value, dict):
            return {k: self.fill(v) for k, v in value.items()}
        return value

    def look_up(self, path):
        value = self.saved
        for step in path.split('.'):
            value = value[int(step) if isinstance(value, list) else step]
        return value

    def send(self, method, path, body=None, headers=None):
        """(status, headers, text) of one request on a connection of its own."""
        connection = http.client.HTTPSConnection(self.host, int(self.port), context=self.tls,
                                                 timeout=15)
        connection.putrequest(method, path, skip_accept_encoding=True)
        headers = dict(headers or {})
        if body is not None:
            headers['Content-Length'] = len(body)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        text = answer.read().decode(errors='replace')
        connection.close()
        return answer.status, answer.getheaders(), text

    def request(self, case):
        body = None
        if 'hex' in case:
            body = bytes.fromhex(case['hex'])
        elif 'merge' in case:
            body = json.dumps(merged(self.saved[case['of']], self.fill(case['merge']))).encode()
        elif 'body' in case:
            body = self.fill(case['body'])
            body = (body if isinstance(body, str) else json.dumps(body)).encode()
        headers = dict(case.get('headers', {}))
        user = case.get('as', 'admin')
        if user != 'anonymous' and 'Authorization' not in headers:
            headers['Authorization'] = f'Bearer {USERS[user].split(",")[0]}'
        if case.get('accept', 'application/json'):
            headers['Accept'] = case.get('accept', 'application/json')
        if body is not None and case.get('type', 'application/json'):
            headers['Content-Type'] = case.get('type', 'application/json')
        try:
            status, got, text = self.send(case['method'], self.fill(case['path']), body, headers)
        except (OSError, http.client.HTTPException) as error:
            return {'error': repr(error)}
        if 'save' in case and status < 300:
            self.saved[case['save']] = json.loads(text)
        kept = {k.lower(): normal_text(v) for k, v in got if k.lower() in HEADERS}
        media = {k.lower(): v for k, v in got}.get('content-type')
        if media != 'application/json':
            kept['content-type'] = media
        warnings = [normal_text(v) for k, v in got if k.lower() == 'warning']
        return {'status': status, **({'headers': kept} if kept else {}),
                **({'warnings': warnings} if warnings else {}), 'body': normal_body(text)}

    def command(self, case, namespace):
        env = {'PATH': os.environ['PATH'], 'HOME': str(self.dir), 'TZ': 'UTC', 'LC_ALL': 'C',
               'KUBECONFIG': str(self.dir / f'config-{case.get("as", "admin")}')}
        words = [self.kubectl, '-n', namespace, *self.fill(case['kubectl'])]
        done = subprocess.run(words, input=self.fill(case.get('stdin', '')), text=True, timeout=60,
                              capture_output=True, env={**env, **case.get('env', {})},
                              cwd=self.dir)
        return {'exit': done.returncode, 'stdout': normal_output(done.stdout),
                'stderr': normal_output(done.stderr)}

    def answer(self, case, namespace):
        return self.command(case, namespace) if 'kubectl' in case else self.request(case)

    def namespace(self, name):
        """Makes a namespace; returns when the controllers have put their objects into it."""
        body = {'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {'name': name}}
        headers = {'Authorization': 'Bearer token-of-admin', 'Content-Type': 'application/json'}
        status, _, text = self.send('POST', '/api/v1/namespaces', json.dumps(body).encode(),
                                    headers)
        assert status == 201, text
        for what in 'serviceaccounts/default', 'configmaps/kube-root-ca.crt':
            end = time.monotonic() + 10
            while self.send('GET', f'/api/v1/namespaces/{name}/{what}', headers=headers)[0] != 200:
                assert time.monotonic() < end, f'{name} has no {what}'
                time.sleep(0.02)

    def settled(self, case, topic):
        """The answer; of a case with "settle", the first that is as recorded."""
        answer = self.answer(case, topic)
        end = time.monotonic() + SETTLE
        while 'settle' in case and answer != case['answer'] and time.monotonic() < end:
            time.sleep(0.1)
            answer = self.answer(case, topic)
        return answer

    def play(self, topic, cases):
        """The answers of a topic's cases, in their order.  Neighbours that only read are played at
        once, as watches last a second each and a kubectl waits for its discovery."""
        self.namespace(topic)
        answers = []
        one = functools.partial(self.settled, topic=topic)
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            for reads, group in itertools.groupby(cases, only_reads):
                answers += pool.map(one, group) if reads else map(one, group)
        return answers
