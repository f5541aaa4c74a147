/* SPDX-License-Identifier: Apache-2.0 */
#include "server/token_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"

#define FILE_MAX   (4 << 20)
#define FIELDS_MAX 4

struct entry {
	char *token, *user, *uid, *groups; /* owned; groups comma-separated, or NULL */
};

struct token_file {
	struct entry *entries; /* owned */
	size_t n, cap;
};

static void entry_done(struct entry *e)
{
	free(e->token);
	free(e->user);
	free(e->uid);
	free(e->groups);
}

void token_file_free(struct token_file *file)
{
	if (!file)
		return;
	for (size_t i = 0; i < file->n; i++)
		entry_done(&file->entries[i]);
	free(file->entries);
	free(file);
}

/* Reads one field from '*p' and moves to what ends it; NULL: a quote is not closed. */
static char *read_field(const char **p)
{
	auto_buf struct buf b = BUF_INIT;
	const char *s = *p;
	bool quoted;

	while (*s == ' ' || *s == '\t')
		s++;
	quoted = *s == '"';
	if (quoted)
		s++;
	for (; *s && *s != '\n' && (quoted || *s != ','); s++) {
		if (quoted && *s == '"' && *++s != '"') {
			quoted = false;
			break;
		}
		if (*s != '\r')
			buf_addc(&b, *s);
	}
	*p = s;
	if (quoted)
		return NULL;
	return b.n ? buf_take(&b) : xstrdup("");
}

/* One line; what follows the fourth field is passed over, as kube-apiserver does. */
static int read_line(struct token_file *file, const char **p)
{
	char *fields[FIELDS_MAX] = { 0 }, *field;
	size_t n = 0;
	bool good = true;

	do {
		*p += n && **p == ',';
		field = read_field(p);
		good = good && field;
		if (n < FIELDS_MAX)
			fields[n++] = field;
		else
			free(field);
	} while (good && **p == ',');
	while (**p == '\r' || **p == ' ')
		(*p)++;
	array_reserve(file->entries, file->n, file->cap);
	file->entries[file->n] = (struct entry){ fields[0], fields[1], fields[2], fields[3] };
	if (good && n >= 3 && fields[0][0] && fields[1][0] && (**p == '\n' || !**p)) {
		file->n++;
		return 0;
	}
	entry_done(&file->entries[file->n]);
	return -EBADMSG;
}

static const struct entry *find(const struct token_file *file, const char *token, size_t n)
{
	size_t size = strlen(token);

	/* In a time that does not tell how much of it is right. */
	for (size_t i = 0; i < n; i++)
		if (strlen(file->entries[i].token) == size &&
		    CRYPTO_memcmp(file->entries[i].token, token, size) == 0)
			return &file->entries[i];
	return NULL;
}

static int parse(struct token_file *file, const char *text, const char *path, struct err *err)
{
	for (size_t line = 1; *text; line++) {
		if (*text != '\n') {
			if (read_line(file, &text) < 0)
				return err_set(err, -EBADMSG,
				               "%s:%zu: expected token,user,uid[,\"group,group\"]",
				               path, line);
			if (find(file, file->entries[file->n - 1].token, file->n - 1))
				return err_set(err, -EBADMSG, "%s:%zu: this token was there before",
				               path, line);
		}
		text += *text == '\n';
	}
	return 0;
}

int token_file_load(const char *path, struct token_file **ret, struct err *err)
{
	struct token_file *file;
	auto_free char *text = NULL;
	int r = file_read(path, FILE_MAX, &text, NULL, err);

	if (r < 0)
		return r;
	file = xnew(struct token_file);
	r = parse(file, text, path, err);
	if (r < 0) {
		token_file_free(file);
		return r;
	}
	*ret = file;
	return 0;
}

bool token_file_find(const struct token_file *file, const char *token, struct identity *ret)
{
	const struct entry *e = file ? find(file, token, file->n) : NULL;
	auto_free char *groups = NULL;
	char *rest, *group;

	if (!e)
		return false;
	identity_init(ret, e->user, e->uid);
	groups = xstrdup(e->groups ? e->groups : "");
	rest = groups;
	while ((group = strsep(&rest, ",")))
		if (*group)
			identity_add_group(ret, group);
	return true;
}
