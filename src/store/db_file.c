/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "store/db.h"

/* The SQLite file format, section 1.3. */
#define HEADER_SIZE           100
#define HEADER_MAGIC          "SQLite format 3" /* with its NUL */
#define HEADER_APPLICATION_ID 68

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

/* 'sum' is there because SQLite's pages have no checksum: see row_sum() in db.c. */
static const char schema[] =
	"PRAGMA journal_mode=WAL;"
	"PRAGMA synchronous=FULL;"
	"BEGIN;"
	"PRAGMA application_id=" TEXT(
		DB_APPLICATION_ID) ";"
				   "PRAGMA user_version=" TEXT(
					   DB_VERSION) ";"
						       "CREATE TABLE meta ("
						       "	id INTEGER PRIMARY KEY CHECK (id = 1),"
						       "	revision INTEGER NOT NULL"
						       ") STRICT;"
						       "INSERT INTO meta VALUES (1, 0);"
						       "CREATE TABLE object ("
						       "	resource TEXT NOT NULL,"
						       "	ns TEXT NOT NULL,"
						       "	name TEXT NOT NULL,"
						       "	revision INTEGER NOT NULL,"
						       "	sum INTEGER NOT NULL,"
						       "	text TEXT NOT NULL,"
						       "	PRIMARY KEY (resource, ns, name)"
						       ") STRICT;"
						       "COMMIT;";

int db_file_damaged(const char *path, const char *what, struct err *err)
{
	return err_set(err, -EUCLEAN,
	               "%s is damaged (%s); nothing was changed. Restore it from a backup, or move "
	               "it and %s-wal away to start with an empty store",
	               path, what, path);
}

int db_file_foreign(const char *path, const char *what, struct err *err)
{
	return err_set(err, -EUCLEAN,
	               "%s was written by another version of fairlead (%s); nothing was changed. "
	               "Use that version, or move it away to start with an empty store",
	               path, what);
}

static int not_ours(const char *path, const char *what, struct err *err)
{
	return err_set(err, -EUCLEAN,
	               "%s is not a fairlead store (%s); nothing was changed. Move it away, or use "
	               "another data directory",
	               path, what);
}

static int check_absent(const char *path, struct err *err)
{
	auto_free char *wal = xasprintf("%s-wal", path);

	struct stat st;

	/* SQLite would replay it into the new database. */
	if (stat(wal, &st) == 0 && st.st_size > 0)
		return err_set(err, -EUCLEAN,
		               "%s is missing, but its newest writes are there in %s; put the "
		               "database back, or move %s away to start with an empty store",
		               path, wal, wal);
	return -ENOENT;
}

static uint32_t read_be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int db_file_check(const char *path, struct err *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	unsigned char header[HEADER_SIZE];
	struct stat st;
	ssize_t got;

	if (fd < 0 && errno == ENOENT)
		return check_absent(path, err);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, "cannot open %s", path);
	if (!S_ISREG(st.st_mode))
		return not_ours(path, S_ISDIR(st.st_mode) ? "a directory" : "no regular file", err);
	got = pread(fd, header, sizeof(header), 0);
	if (got < 0)
		return err_errno(err, "cannot read %s", path);
	if (got == 0)
		return db_file_damaged(path, "it is empty", err);
	if (got < HEADER_SIZE || memcmp(header, HEADER_MAGIC, sizeof(HEADER_MAGIC)) != 0)
		return not_ours(path, "no database, or its start is damaged", err);
	if (read_be32(header + HEADER_APPLICATION_ID) != DB_APPLICATION_ID)
		return not_ours(path, "the database of another program", err);
	return 0;
}

static int fill(const char *path, struct err *err)
{
	sqlite3 *db = NULL;
	int rc, r = 0;

	rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, schema, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		r = err_set(err, (rc & 0xff) == SQLITE_FULL ? -ENOSPC : -EIO,
		            "cannot make the database %s: %s", path, sqlite3_errmsg(db));
	/* Copies the WAL into the file, syncs, removes the WAL. */
	rc = sqlite3_close(db);
	if (r == 0 && rc != SQLITE_OK)
		r = err_set(err, -EIO, "cannot close the database %s: %s", path,
		            sqlite3_errstr(rc));
	return r;
}

static int sync_folder(const char *path)
{
	auto_free char *copy = xstrdup(path);
	auto_close int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static void remove_all(const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-journal", "-shm" };

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		auto_free char *name = xasprintf("%s%s", path, suffixes[i]);

		(void)unlink(name);
	}
}

int db_file_create(const char *path, struct err *err)
{
	auto_free char *beside = xasprintf("%s.new", path);
	auto_close int fd = -1;
	int r;

	remove_all(beside); /* of a start that was cut off; we hold the lock */
	fd = open(beside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, "cannot create %s", beside);
	r = fill(beside, err);
	if (r == 0 && (fsync(fd) < 0 || rename(beside, path) < 0))
		r = err_errno(err, "cannot make the database %s", path);
	if (r < 0)
		remove_all(beside);
	else if (sync_folder(path) < 0)
		r = err_errno(err, "cannot sync the directory of %s", path);
	return r;
}
