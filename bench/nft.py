"""Rules of the shape kube-proxy's nftables mode makes, for 'nft -f': a verdict map from clusterIPs to a
chain for each Service, and from there by a random number to a chain for each endpoint."""
import base64
import hashlib

POD_NETWORK = '10.0.0.0/8'

BASE = '''add table ip kube-proxy { comment "rules for kube-proxy"; }
add set ip kube-proxy cluster-ips { type ipv4_addr; }
add set ip kube-proxy nodeport-ips { type ipv4_addr; }
add map ip kube-proxy service-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
add map ip kube-proxy service-nodeports { type inet_proto . inet_service : verdict; }
add map ip kube-proxy no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict; }
add map ip kube-proxy no-endpoint-nodeports { type inet_proto . inet_service : verdict; }
add map ip kube-proxy firewall-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
add chain ip kube-proxy filter-prerouting { type filter hook prerouting priority -110; }
add chain ip kube-proxy filter-input { type filter hook input priority -110; }
add chain ip kube-proxy filter-forward { type filter hook forward priority -110; }
add chain ip kube-proxy filter-output { type filter hook output priority -110; }
add chain ip kube-proxy filter-output-post-dnat { type filter hook output priority -90; }
add chain ip kube-proxy nat-prerouting { type nat hook prerouting priority -100; }
add chain ip kube-proxy nat-output { type nat hook output priority -100; }
add chain ip kube-proxy nat-postrouting { type nat hook postrouting priority 100; }
add chain ip kube-proxy services
add chain ip kube-proxy masquerading
add chain ip kube-proxy mark-for-masquerade
add chain ip kube-proxy cluster-ips-check
add chain ip kube-proxy service-endpoints-check
add chain ip kube-proxy nodeport-endpoints-check
add chain ip kube-proxy firewall-check
add rule ip kube-proxy filter-prerouting ct state new jump firewall-check
add rule ip kube-proxy filter-forward ct state new jump service-endpoints-check
add rule ip kube-proxy filter-forward ct state new jump cluster-ips-check
add rule ip kube-proxy filter-input ct state new jump nodeport-endpoints-check
add rule ip kube-proxy filter-input ct state new jump service-endpoints-check
add rule ip kube-proxy filter-output ct state new jump service-endpoints-check
add rule ip kube-proxy filter-output ct state new jump firewall-check
add rule ip kube-proxy filter-output-post-dnat ct state new jump cluster-ips-check
add rule ip kube-proxy nat-prerouting jump services
add rule ip kube-proxy nat-output jump services
add rule ip kube-proxy nat-postrouting jump masquerading
add rule ip kube-proxy firewall-check ip daddr . meta l4proto . th dport vmap @firewall-ips
add rule ip kube-proxy service-endpoints-check ip daddr . meta l4proto . th dport vmap @no-endpoint-services
add rule ip kube-proxy nodeport-endpoints-check ip daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports
add rule ip kube-proxy cluster-ips-check ip daddr @cluster-ips reject
add rule ip kube-proxy mark-for-masquerade mark set mark or 0x4000
add rule ip kube-proxy masquerading mark and 0x4000 == 0 return
add rule ip kube-proxy masquerading mark set mark xor 0x4000
add rule ip kube-proxy masquerading masquerade fully-random
add rule ip kube-proxy services ip daddr . meta l4proto . th dport vmap @service-ips
add rule ip kube-proxy services ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
'''


def digest(text):
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:8]


def service_rules(number, vip, endpoints):
    """The lines that add one Service, port 80, with its endpoints [(address, port)]."""
    name = f'ns{number // 100}/svc-{number}/tcp/http'
    service, chains = f'service-{digest(name)}-{name}', []
    yield f'add chain ip kube-proxy {service}'
    for ip, port in endpoints:
        chain = f'endpoint-{digest(name + ip)}-{name}__{ip}/{port}'
        chains.append(chain)
        yield f'add chain ip kube-proxy {chain}'
        yield f'add rule ip kube-proxy {chain} ip saddr {ip} jump mark-for-masquerade'
        yield f'add rule ip kube-proxy {chain} meta l4proto tcp dnat to {ip}:{port}'
    yield (f'add rule ip kube-proxy {service} ip daddr {vip} tcp dport 80 ip saddr != {POD_NETWORK} '
           'jump mark-for-masquerade')
    verdicts = ', '.join(f'{k} : goto {chain}' for k, chain in enumerate(chains))
    yield f'add rule ip kube-proxy {service} numgen random mod {len(chains)} vmap {{ {verdicts} }}'
    yield f'add element ip kube-proxy cluster-ips {{ {vip} }}'
    yield f'add element ip kube-proxy service-ips {{ {vip} . tcp . 80 : goto {service} }}'


def rules(services, vip, endpoints):
    """All of them: 'vip' with 'endpoints', and services - 1 others of one endpoint each."""
    lines = []
    for i in range(services - 1):
        lines += service_rules(i, f'10.95.{i // 250}.{i % 250 + 1}',
                               [(f'10.94.{i // 250}.{i % 250 + 1}', 8080)])
    lines += service_rules(services, vip, endpoints)
    return BASE + '\n'.join(lines) + '\n'
