/* SPDX-License-Identifier: Apache-2.0 */
#include "client/server_url.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/parse.h"

#define URL_MAX 4096

void server_url_done(struct server_url *url)
{
	free(url->unix_path);
	free(url->host);
	free(url->authority);
	free(url->prefix);
	*url = (struct server_url){ 0 };
}

/* "name", "name:port", "1.2.3.4:port", "[::1]:port" */
static int split_authority(struct server_url *url)
{
	const char *text = url->authority, *end, *port;
	uint64_t number = 0;

	if (*text == '[') {
		end = strchr(text, ']');
		if (!end)
			return -EINVAL;
		url->host = xstrndup(text + 1, (size_t)(end - text - 1));
		end++;
	} else {
		end = text + strcspn(text, ":");
		url->host = xstrndup(text, (size_t)(end - text));
	}
	port = *end == ':' ? end + 1 : NULL;
	if (!*url->host || (*end && !port))
		return -EINVAL;
	if (port && (parse_u64(port, UINT16_MAX, &number) < 0 || number == 0))
		return -EINVAL;
	if (port)
		url->port = (uint16_t)number;
	return 0;
}

static int parse_tcp(const char *rest, struct server_url *url)
{
	size_t n = strcspn(rest, "/?#");
	size_t prefix = strlen(rest + n);

	if (strcspn(rest, "?#@") != n + prefix)
		return -EINVAL;
	while (prefix > 0 && rest[n + prefix - 1] == '/')
		prefix--;
	url->authority = xstrndup(rest, n);
	url->prefix = xstrndup(rest + n, prefix);
	return split_authority(url);
}

static int parse(const char *text, struct server_url *url, struct err *err)
{
	/* everything but visible ASCII would end up in a request line or a header */
	for (const char *p = text; *p; p++)
		if (!isgraph((unsigned char)*p))
			return err_set(err, -EINVAL, "has a blank or a control character in it");
	if (strlen(text) > URL_MAX)
		return err_set(err, -EINVAL, "is longer than %d characters", URL_MAX);
	if (strncmp(text, "unix://", 7) == 0) {
		if (text[7] != '/')
			return err_set(err, -EINVAL, "needs an absolute path after unix://");
		url->unix_path = xstrdup(text + 7);
		url->prefix = xstrdup("");
		return 0;
	}
	url->tls = strncmp(text, "https://", 8) == 0;
	url->port = url->tls ? 443 : 80;
	if (!url->tls && strncmp(text, "http://", 7) != 0)
		return err_set(err, -EINVAL, "begins with none of https://, http:// and unix://");
	if (parse_tcp(text + (url->tls ? 8 : 7), url) < 0)
		return err_set(err, -EINVAL, "is not of the form https://HOST[:PORT][/PATH]");
	return 0;
}

int server_url_parse(const char *text, struct server_url *ret, struct err *err)
{
	struct server_url url = { 0 };
	int r;

	r = parse(text, &url, err);
	if (r < 0) {
		server_url_done(&url);
		if (err) {
			struct err why = *err;

			(void)err_set(err, r, "the server address \"%.200s\" %.200s", text,
			              why.msg);
		}
		return r;
	}
	*ret = url;
	return 0;
}

static int lookup(const char *name, struct ipaddr *ret, struct err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *list = NULL;
	int r;

	r = getaddrinfo(name, NULL, &hints, &list);
	if (r != 0)
		return err_set(err, -EHOSTUNREACH, "cannot find the address of the server %s: %s",
		               name, gai_strerror(r));
	*ret = (struct ipaddr){ 0 };
	if (list->ai_family == AF_INET6) {
		const struct sockaddr_in6 *sin6 = (const void *)list->ai_addr;

		ret->family = 6;
		memcpy(ret->bytes, &sin6->sin6_addr, 16);
	} else {
		const struct sockaddr_in *sin = (const void *)list->ai_addr;

		ret->family = 4;
		memcpy(ret->bytes, &sin->sin_addr, 4);
	}
	freeaddrinfo(list);
	return 0;
}

int server_url_resolve(const struct server_url *url, struct ipaddr *ret, struct err *err)
{
	if (ipaddr_parse(url->host, ret) == 0)
		return 0;
	if (strcmp(url->host, "localhost") == 0)
		return ipaddr_parse("127.0.0.1", ret);
	return lookup(url->host, ret, err);
}
