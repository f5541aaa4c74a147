/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ipaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

int ipaddr_parse(const char *text, struct ipaddr *ret_addr)
{
	struct ipaddr addr = { 0 };
	struct in6_addr v6;

	if (inet_pton(AF_INET, text, addr.bytes) == 1) {
		addr.family = 4;
	} else if (inet_pton(AF_INET6, text, &v6) == 1 && !IN6_IS_ADDR_V4MAPPED(&v6)) {
		addr.family = 6;
		memcpy(addr.bytes, &v6, sizeof(v6));
	} else {
		return -EINVAL;
	}
	*ret_addr = addr;
	return 0;
}

int cidr_parse(const char *text, struct cidr *ret_cidr)
{
	const char *slash = strchr(text, '/');
	char host[IPADDR_TEXT_SIZE];
	struct cidr cidr = { 0 };
	uint64_t prefix;

	if (!slash || (size_t)(slash - text) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	if (ipaddr_parse(host, &cidr.addr) < 0 || parse_u64(slash + 1, 128, &prefix) < 0)
		return -EINVAL;
	if (prefix > (cidr.addr.family == 4 ? 32 : 128))
		return -EINVAL;
	cidr.prefix = (unsigned int)prefix;
	*ret_cidr = cidr;
	return 0;
}

void ipaddr_format(const struct ipaddr *addr, char ret_text[static IPADDR_TEXT_SIZE])
{
	if (!addr->family || !inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, addr->bytes,
	                                ret_text, IPADDR_TEXT_SIZE))
		ret_text[0] = '\0';
}

int ipaddr_cmp(const struct ipaddr *a, const struct ipaddr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool ipaddr_equal(const struct ipaddr *a, const struct ipaddr *b)
{
	return ipaddr_cmp(a, b) == 0;
}

bool ipaddr_is_loopback(const struct ipaddr *addr)
{
	static const uint8_t v6[16] = { [15] = 1 };

	return addr->family == 4 ? addr->bytes[0] == 127 : memcmp(addr->bytes, v6, 16) == 0;
}

bool ipaddr_is_unspecified(const struct ipaddr *addr)
{
	static const uint8_t zero[16];

	return memcmp(addr->bytes, zero, 16) == 0;
}

bool ipaddr_is_link_local(const struct ipaddr *addr)
{
	if (addr->family == 4)
		return addr->bytes[0] == 169 && addr->bytes[1] == 254;
	return addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}

bool cidr_contains(const struct cidr *cidr, const struct ipaddr *addr)
{
	unsigned int whole = cidr->prefix / 8, bits = cidr->prefix % 8;

	if (cidr->addr.family != addr->family || memcmp(cidr->addr.bytes, addr->bytes, whole) != 0)
		return false;
	return bits == 0 || (cidr->addr.bytes[whole] ^ addr->bytes[whole]) >> (8 - bits) == 0;
}

socklen_t ipaddr_sockaddr(const struct ipaddr *addr, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *in = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof(*ret));
	if (addr->family == 4) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, addr->bytes, 4);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, addr->bytes, 16);
	return sizeof(*in6);
}

int ipaddr_parse_hostport(const char *text, struct ipaddr *ret_addr, uint16_t *ret_port)
{
	const char *colon = strrchr(text, ':');
	char host[IPADDR_TEXT_SIZE + 2];
	char *start = host;
	size_t n;
	uint64_t port;

	if (!colon || (n = (size_t)(colon - text)) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, n);
	host[n] = '\0';
	if (host[0] == '[' && n > 2 && host[n - 1] == ']') {
		host[n - 1] = '\0';
		start++;
	} else if (strchr(host, ':')) {
		return -EINVAL;
	}
	if (parse_u64(colon + 1, UINT16_MAX, &port) < 0 || ipaddr_parse(start, ret_addr) < 0)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	return 0;
}

void ipaddr_format_hostport(const struct ipaddr *addr, uint16_t port,
                            char ret_text[static IPADDR_TEXT_SIZE + 8])
{
	char host[IPADDR_TEXT_SIZE];

	ipaddr_format(addr, host);
	(void)snprintf(ret_text, IPADDR_TEXT_SIZE + 8, addr->family == 6 ? "[%s]:%u" : "%s:%u",
	               host, (unsigned int)port);
}
