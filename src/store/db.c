/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "store/db_file.h"
#include "store/lock.h"

#define WAL_PAGES_MAX  1000       /* of 4 KiB, then the WAL is copied into the database */
#define WAL_BYTES_KEPT "16777216" /* a longer WAL is cut when it starts anew */

static const char put_sql[] =
	"INSERT INTO object (resource, ns, name, revision, sum, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
	"ON CONFLICT (resource, ns, name) DO UPDATE SET "
	"revision = excluded.revision, sum = excluded.sum, text = excluded.text";
static const char remove_sql[] = "DELETE FROM object WHERE resource = ?1 AND ns = ?2 AND name = ?3";
static const char revision_sql[] = "UPDATE meta SET revision = ?1 WHERE id = 1";
static const char load_sql[] = "SELECT resource, ns, name, revision, sum, text FROM object "
			       "ORDER BY resource, ns, name";

struct db {
	char *path; /* owned */
	struct lock lock;
	sqlite3 *sqlite;
	sqlite3_stmt *begin, *commit, *put, *remove, *revision;
	int wal_pages;    /* as of the last commit */
	uint64_t highest; /* revision of a row that was loaded */
	bool made_wal;    /* there was none, and nobody else can have made it */
};

/*
 * FNV-1a over all that a row says.  SQLite finds a broken tree but not a flipped bit in a value, and
 * such a value would otherwise be served, or abort us when a request parses it.
 */
static uint64_t sum_add(uint64_t sum, const void *data, size_t size)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ p[i]) * 0x100000001b3;
	return sum;
}

static int64_t row_sum(const struct db_row *row)
{
	uint64_t sum = 0xcbf29ce484222325;
	unsigned char revision[8];

	for (size_t i = 0; i < sizeof(revision); i++)
		revision[i] = (unsigned char)(row->revision >> (8 * i));
	sum = sum_add(sum, revision, sizeof(revision));
	sum = sum_add(sum, row->resource, strlen(row->resource) + 1);
	sum = sum_add(sum, row->ns, strlen(row->ns) + 1);
	sum = sum_add(sum, row->name, strlen(row->name) + 1);
	return (int64_t)sum_add(sum, row->text, row->size);
}

/* Why the last call for one of its files failed; 'file' is SQLITE_FCNTL_FILE_ or _JOURNAL_POINTER. */
static int file_errno(struct db *db, int file)
{
	sqlite3_file *f = NULL;
	int code = 0;

	(void)sqlite3_file_control(db->sqlite, NULL, file, (void *)&f);
	if (f && f->pMethods)
		(void)f->pMethods->xFileControl(f, SQLITE_FCNTL_LAST_ERRNO, &code);
	return code;
}

/* A quota or a limit of size is a full disk, which SQLite does not know. */
static bool is_full(struct db *db, int rc, int file)
{
	int code;

	if (rc != SQLITE_IOERR_WRITE)
		return false;
	code = file_errno(db, file);
	return code == ENOSPC || code == EDQUOT || code == EFBIG;
}

/* The errno for the result code 'rc' that just came out of 'db'. */
static int errno_of(struct db *db, int rc)
{
	int system = sqlite3_system_errno(db->sqlite);

	switch (rc & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_READONLY:
		return system > 0 ? -system : -EACCES;
	default:
		return -EIO;
	}
}

static int failed(struct db *db, int rc, const char *what, struct err *err)
{
	int r = errno_of(db, rc);

	if (r == -EUCLEAN)
		return db_file_damaged(db->path, sqlite3_errmsg(db->sqlite), err);
	if (r == -EBUSY)
		return err_set(err, r, "%s is in use by another process", db->path);
	return err_set(err, r, "cannot %s %s: %s", what, db->path, sqlite3_errmsg(db->sqlite));
}

/* The same for a write to 'file': whatever is not a full disk is the end of writing. */
static int write_failed(struct db *db, int rc, int file, struct err *err)
{
	bool full = is_full(db, rc, file);
	int r;

	r = failed(db, rc, "write to", err);
	if (full || r == -ENOSPC)
		return err_wrap(err, -ENOSPC, "the disk is full");
	return err_wrap(err, -EIO, "the store is read-only from now on");
}

static int on_commit(void *arg, sqlite3 *sqlite, const char *name, int pages)
{
	struct db *db = arg;

	(void)sqlite;
	(void)name;
	db->wal_pages = pages;
	return SQLITE_OK;
}

static int connect_to(struct db *db, struct err *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int rc = sqlite3_open_v2(db->path, &db->sqlite, flags, NULL);

	/* Until all checks have passed the file is not to be changed, also not by closing it. */
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->sqlite,
		                  "PRAGMA locking_mode=EXCLUSIVE;"
		                  "PRAGMA synchronous=FULL;"
		                  "PRAGMA wal_autocheckpoint=0;"
		                  "PRAGMA cell_size_check=ON;"
		                  "PRAGMA temp_store=MEMORY;"
		                  "PRAGMA journal_size_limit=" WAL_BYTES_KEPT,
		                  NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : failed(db, rc, "open", err);
}

/* The one value that 'sql' gives, as text (heap). */
static int ask(struct db *db, const char *sql, char **ret, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db->sqlite, sql, -1, &stmt, NULL), r = 0;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*ret = xstrdup((const char *)sqlite3_column_text(stmt, 0) ?: "");
	else if (rc == SQLITE_DONE)
		r = db_file_damaged(db->path, "a table is empty", err);
	else if ((rc & 0xff) == SQLITE_ERROR) /* no such table, column .. */
		r = db_file_damaged(db->path, sqlite3_errmsg(db->sqlite), err);
	else
		r = failed(db, rc, "read", err);
	(void)sqlite3_finalize(stmt);
	return r;
}

static bool has_wal(const struct db *db)
{
	auto_free char *wal = xasprintf("%s-wal", db->path);

	return access(wal, F_OK) == 0;
}

/* Reading makes an empty one, which is not to stay beside a file that was refused. */
static void remove_empty_wal(const struct db *db)
{
	auto_free char *wal = xasprintf("%s-wal", db->path);
	struct stat st;

	if (stat(wal, &st) == 0 && st.st_size == 0)
		(void)unlink(wal);
}

static int check(struct db *db, struct err *err)
{
	auto_free char *version = NULL, *state = NULL;
	int r;

	r = ask(db, "PRAGMA user_version", &version, err);
	if (r < 0)
		return r;
	if (strtol(version, NULL, 10) != DB_VERSION)
		return db_file_foreign(db->path, "in another format", err);
	r = ask(db, "PRAGMA quick_check(1)", &state, err);
	if (r < 0)
		return r;
	return strcmp(state, "ok") == 0 ? 0 : db_file_damaged(db->path, state, err);
}

int db_open(const char *path, struct db **ret, struct err *err)
{
	struct db *db = xnew(struct db);
	bool had_wal;
	int r;

	db->path = xstrdup(path);
	db->lock = LOCK_INIT;
	r = lock_take(&db->lock, path, err);
	if (r == 0)
		r = db_file_check(path, err);
	if (r == -ENOENT && db->lock.fd >= 0)
		r = db_file_create(path, err);
	had_wal = has_wal(db);
	if (r == 0)
		r = connect_to(db, err);
	if (r == 0)
		r = check(db, err);
	db->made_wal = !had_wal && r != -EBUSY;
	if (r < 0) {
		db_close(db, true);
		return r;
	}
	*ret = db;
	return 0;
}

static const char *column(sqlite3_stmt *stmt, int i)
{
	return (const char *)sqlite3_column_text(stmt, i) ?: "";
}

static int load_row(struct db *db, sqlite3_stmt *stmt, db_row_fn fn, void *arg, struct err *err)
{
	struct err inner = { 0 };
	struct db_row row = {
		.resource = column(stmt, 0),
		.ns = column(stmt, 1),
		.name = column(stmt, 2),
		.revision = (uint64_t)sqlite3_column_int64(stmt, 3),
		.text = column(stmt, 5),
		.size = (size_t)sqlite3_column_bytes(stmt, 5),
	};
	int r;

	if (db->highest < row.revision)
		db->highest = row.revision;
	if (row_sum(&row) != sqlite3_column_int64(stmt, 4))
		r = err_set(&inner, -EUCLEAN, "the checksum of %s %s/%s is wrong", row.resource,
		            row.ns, row.name);
	else
		r = fn(arg, &row, &inner);
	if (r == -ENOTSUP)
		return db_file_foreign(db->path, inner.msg, err);
	return r < 0 ? db_file_damaged(db->path, inner.msg, err) : 0;
}

static int load_rows(struct db *db, db_row_fn fn, void *arg, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db->sqlite, load_sql, -1, &stmt, NULL), r = 0;

	if ((rc & 0xff) == SQLITE_ERROR)
		return db_file_damaged(db->path, sqlite3_errmsg(db->sqlite), err);
	while (rc == SQLITE_OK && r == 0) {
		int step = sqlite3_step(stmt);

		if (step == SQLITE_ROW)
			r = load_row(db, stmt, fn, arg, err);
		else
			rc = step;
	}
	if (r == 0 && rc != SQLITE_DONE)
		r = failed(db, rc, "read", err);
	(void)sqlite3_finalize(stmt);
	return r;
}

int db_load(struct db *db, db_row_fn fn, void *arg, uint64_t *ret_revision, struct err *err)
{
	auto_free char *text = NULL;
	uint64_t revision;
	int r;

	r = ask(db, "SELECT revision FROM meta WHERE id = 1", &text, err);
	if (r < 0)
		return r;
	r = load_rows(db, fn, arg, err);
	if (r < 0)
		return r;
	revision = strtoull(text, NULL, 10);
	if (revision < db->highest)
		return db_file_damaged(db->path, "an object is newer than the newest revision",
		                       err);
	*ret_revision = revision;
	return 0;
}

int db_start_writing(struct db *db, struct err *err)
{
	const struct {
		const char *sql;
		sqlite3_stmt **stmt;
	} list[] = {
		{ "BEGIN", &db->begin },     { "COMMIT", &db->commit },       { put_sql, &db->put },
		{ remove_sql, &db->remove }, { revision_sql, &db->revision },
	};
	auto_free char *mode = NULL;
	int r;

	r = ask(db, "PRAGMA journal_mode=WAL", &mode, err);
	if (r < 0)
		return r;
	if (strcmp(mode, "wal") != 0)
		return err_set(err, -EIO, "cannot use a write-ahead log for %s", db->path);
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		int rc = sqlite3_prepare_v3(db->sqlite, list[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
		                            list[i].stmt, NULL);

		if (rc != SQLITE_OK)
			return failed(db, rc, "write", err);
	}
	(void)sqlite3_wal_hook(db->sqlite, on_commit, db);
	(void)sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	return 0;
}

static int run(sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	(void)sqlite3_reset(stmt); /* gives the same code again */
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static void bind_text(sqlite3_stmt *stmt, int i, const char *text, size_t size)
{
	(void)sqlite3_bind_text64(stmt, i, text, size, SQLITE_STATIC, SQLITE_UTF8);
}

static int write_one(struct db *db, const struct db_write *write)
{
	const struct store_object *object = write->object;
	sqlite3_stmt *stmt = write->remove ? db->remove : db->put;
	const struct db_row row = {
		.resource = write->resource,
		.ns = object->namespace,
		.name = object->name,
		.revision = object->revision,
		.text = object->text,
		.size = object->size,
	};
	int rc;

	bind_text(stmt, 1, row.resource, strlen(row.resource));
	bind_text(stmt, 2, row.ns, strlen(row.ns));
	bind_text(stmt, 3, row.name, strlen(row.name));
	if (!write->remove) {
		(void)sqlite3_bind_int64(stmt, 4, (int64_t)row.revision);
		(void)sqlite3_bind_int64(stmt, 5, row_sum(&row));
		bind_text(stmt, 6, row.text, row.size);
	}
	rc = run(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return rc;
}

static int write_all(struct db *db, const struct list_node *batch)
{
	const struct db_write *write;
	uint64_t revision = 0;
	int rc;

	list_for_each(write, in_queue, batch) {
		rc = write_one(db, write);
		if (rc != SQLITE_OK)
			return rc;
		if (revision < write->object->revision)
			revision = write->object->revision;
	}
	(void)sqlite3_bind_int64(db->revision, 1, (int64_t)revision);
	return run(db->revision);
}

int db_commit(struct db *db, const struct list_node *batch, struct err *err)
{
	int rc, r;

	rc = run(db->begin);
	if (rc == SQLITE_OK)
		rc = write_all(db, batch);
	if (rc == SQLITE_OK)
		rc = run(db->commit);
	if (rc == SQLITE_OK)
		return 0;
	r = write_failed(db, rc, SQLITE_FCNTL_JOURNAL_POINTER, err);
	if (!sqlite3_get_autocommit(db->sqlite))
		(void)sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

int db_checkpoint(struct db *db, bool now, struct err *err)
{
	int rc;

	if (db->wal_pages < WAL_PAGES_MAX && !(now && db->wal_pages > 0))
		return 0;
	rc = sqlite3_wal_checkpoint_v2(db->sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (rc != SQLITE_OK)
		return write_failed(db, rc, SQLITE_FCNTL_FILE_POINTER, err);
	db->wal_pages = 0;
	return 0;
}

void db_close(struct db *db, bool broken)
{
	sqlite3_stmt *list[] = { db->begin, db->commit, db->put, db->remove, db->revision };

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		(void)sqlite3_finalize(list[i]);
	if (db->sqlite && broken) {
		(void)sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		if (db->made_wal)
			remove_empty_wal(db);
	}
	(void)sqlite3_close(db->sqlite);
	lock_release(&db->lock);
	free(db->path);
	free(db);
}
