/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a request's path and query. */
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "fuzz.h"
#include "io/http_client.h"
#include "io/uri.h"

/* What is escaped comes back as it was. */
static void check_round_trip(const char *text)
{
	auto_free char *escaped = http_escape(text);
	auto_free char *decoded = xmalloc(strlen(escaped) + 1);

	fuzz_check(uri_decode(escaped, strlen(escaped), true, decoded) == 0);
	fuzz_check(strcmp(decoded, text) == 0);
}

static void check_query(const char *text)
{
	struct uri_query query;

	uri_query_parse(text, &query);
	for (size_t i = 0; i < query.n; i++) /* of equal keys the first */
		fuzz_check(uri_query_get(&query, query.pairs[i].key) <= query.pairs[i].value);
	uri_query_done(&query);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	auto_free char *path = xmalloc(strlen(text) + 1);

	if (uri_decode(text, strlen(text), false, path) == 0)
		fuzz_check(strlen(path) <= strlen(text));
	check_round_trip(text);
	check_query(text);
	return 0;
}
