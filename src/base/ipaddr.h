/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipaddr - IPv4 and IPv6 addresses and CIDRs as values.
 *
 * An address is 16 bytes in network order; an IPv4 address uses the first four, the rest are 0, so
 * that two equal addresses are equal bytes.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define IPADDR_TEXT_SIZE 46 /* INET6_ADDRSTRLEN */

struct ipaddr {
	uint8_t family; /* 4 or 6; 0 = none */
	uint8_t bytes[16];
};

struct cidr {
	struct ipaddr addr; /* as given, bits beyond the prefix may be set */
	unsigned int prefix;
};

/*
 * Strict: no leading zeros, no zone, no blanks.  An IPv4-mapped IPv6 address is refused too, as
 * Kubernetes does (-EINVAL).
 */
int ipaddr_parse(const char *text, struct ipaddr *ret_addr);

/* "ADDR/PREFIX"; -EINVAL otherwise. */
int cidr_parse(const char *text, struct cidr *ret_cidr);

/* Canonical text (RFC 5952). */
void ipaddr_format(const struct ipaddr *addr, char ret_text[static IPADDR_TEXT_SIZE]);

/* Total order: IPv4 before IPv6, then by bytes. */
int ipaddr_cmp(const struct ipaddr *a, const struct ipaddr *b);
bool ipaddr_equal(const struct ipaddr *a, const struct ipaddr *b);
bool ipaddr_is_loopback(const struct ipaddr *addr);
bool ipaddr_is_unspecified(const struct ipaddr *addr);
bool ipaddr_is_link_local(const struct ipaddr *addr); /* 169.254/16, fe80::/10 */
bool cidr_contains(const struct cidr *cidr, const struct ipaddr *addr);

/* A socket address for connect() or bind(); returns its length. */
socklen_t ipaddr_sockaddr(const struct ipaddr *addr, uint16_t port, struct sockaddr_storage *ret);

/* "1.2.3.4:80" or "[::1]:80"; -EINVAL otherwise. */
int ipaddr_parse_hostport(const char *text, struct ipaddr *ret_addr, uint16_t *ret_port);

/* The same the other way, into at most IPADDR_TEXT_SIZE + 8 bytes. */
void ipaddr_format_hostport(const struct ipaddr *addr, uint16_t port,
                            char ret_text[static IPADDR_TEXT_SIZE + 8]);
