/* SPDX-License-Identifier: Apache-2.0 */
#include "server/authn.h"

#include <string.h>
#include <strings.h>

#include "kube/json.h"
#include "kube/status.h"
#include "server/service_account.h"
#include "server/token_file.h"

#define LOCAL_USER "system:admin"

static void of_socket(struct identity *ret)
{
	identity_init(ret, LOCAL_USER, "");
	identity_add_group(ret, GROUP_MASTERS);
	identity_add_group(ret, GROUP_AUTHENTICATED);
}

static void of_certificate(const struct http_peer *peer, struct identity *ret)
{
	identity_init(ret, peer->user, "");
	for (const char *const *group = peer->groups; *group; group++)
		identity_add_group(ret, *group);
	identity_add_group(ret, GROUP_AUTHENTICATED);
}

static void of_nobody(struct identity *ret)
{
	identity_init(ret, USER_ANONYMOUS, "");
	identity_add_group(ret, GROUP_UNAUTHENTICATED);
}

int authn_token(const struct server *server, const char *token, const json_t *wanted,
                struct identity *ret, json_t **ret_audiences, struct err *err)
{
	json_t *audiences = NULL;
	int r = 0;

	if (!token_file_find(server->tokens, token, ret))
		r = service_account_authenticate(server, token, wanted, ret, &audiences, err);
	if (r < 0)
		return r;
	identity_add_group(ret, GROUP_AUTHENTICATED);
	*ret_audiences = audiences;
	return 0;
}

/* The token of "Authorization: Bearer TOKEN"; NULL: there is none. */
static const char *bearer_token(struct http_request *req)
{
	static const char scheme[] = "Bearer ";
	const char *text = http_header(req, "Authorization");

	if (!text || strncasecmp(text, scheme, sizeof(scheme) - 1) != 0)
		return NULL;
	text += sizeof(scheme) - 1;
	return text + strspn(text, " ");
}

json_t *authn_request(const struct server *server, struct http_request *req, struct identity *ret)
{
	const struct http_peer *peer = http_peer(req);
	const char *token = bearer_token(req);
	json_t *audiences = NULL;

	if (peer->unix_socket) {
		of_socket(ret);
	} else if (peer->certified) {
		of_certificate(peer, ret);
	} else if (token && token[0]) {
		if (authn_token(server, token, NULL, ret, &audiences, NULL) < 0)
			return status_new(401, "Unauthorized", "Unauthorized");
		json_decref(audiences);
	} else {
		of_nobody(ret);
	}
	return NULL;
}
