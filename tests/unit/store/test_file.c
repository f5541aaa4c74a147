/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "harness.h"

#define FILE_MAX (64 << 20)
#define OBJECTS  400

static void fill(struct harness *h)
{
	char value[600];

	memset(value, 'v', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	put_many(h, OBJECTS, value);
}

static void sql(struct harness *h, const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(h->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void overwrite(struct harness *h, off_t at, const void *data, size_t size)
{
	auto_close int fd = open(h->path, O_RDWR | O_CLOEXEC);

	assert_int_equal(pwrite(fd, data, size, at), size);
}

static off_t size_of(struct harness *h)
{
	struct stat st;

	assert_int_equal(stat(h->path, &st), 0);
	return st.st_size;
}

static void make_empty(struct harness *h)
{
	assert_int_equal(truncate(h->path, 0), 0);
}

static void make_text(struct harness *h)
{
	make_empty(h);
	overwrite(h, 0, "apiVersion: v1\nkind: List\n", 26);
}

static void cut_in_half(struct harness *h)
{
	assert_int_equal(truncate(h->path, size_of(h) / 2 / 4096 * 4096), 0);
}

static void cut_within_a_page(struct harness *h)
{
	assert_int_equal(truncate(h->path, size_of(h) - 1000), 0);
}

static void zero_a_page(struct harness *h)
{
	const char zeros[4096] = { 0 };

	overwrite(h, size_of(h) / 2 / 4096 * 4096, zeros, sizeof(zeros));
}

static void zero_the_schema(struct harness *h)
{
	const char zeros[3900] = { 0 };

	overwrite(h, 100, zeros, sizeof(zeros));
}

/* Which SQLite does not notice. */
static void flip_a_bit_of_a_value(struct harness *h)
{
	auto_free char *data = NULL;
	char *found;
	size_t size;

	assert_int_equal(file_read(h->path, FILE_MAX, &data, &size, NULL), 0);
	found = memmem(data, size, "vvvvvvvv", 8);
	assert_non_null(found);
	overwrite(h, found - data + 3, "w", 1);
}

static void swap_two_objects(struct harness *h)
{
	sql(h, "UPDATE object SET name = 'x' WHERE name = 'n0001'");
}

static void lose_the_revision(struct harness *h)
{
	sql(h, "DELETE FROM meta");
}

static void go_back_in_time(struct harness *h)
{
	sql(h, "UPDATE meta SET revision = 7");
}

static void drop_a_table(struct harness *h)
{
	sql(h, "DROP TABLE object");
}

static void change_the_application(struct harness *h)
{
	sql(h, "PRAGMA application_id = 1");
}

static void change_the_format(struct harness *h)
{
	sql(h, "PRAGMA user_version = 2");
}

static void add_an_unknown_kind(struct harness *h)
{
	/* The checksum comes first, so this needs a correct one: that of the text '{}' at 3. */
	uint64_t sum = 0xcbf29ce484222325;
	const char bytes[] = "\3\0\0\0\0\0\0\0gadgets\0ns\0name\0{}";
	char text[200];

	for (size_t i = 0; i < sizeof(bytes) - 1; i++)
		sum = (sum ^ (unsigned char)bytes[i]) * 0x100000001b3;
	(void)snprintf(text, sizeof(text),
	               "INSERT INTO object VALUES ('gadgets', 'ns', 'name', 3, %lld, '{}')",
	               (long long)sum);
	sql(h, text);
}

static void be_a_folder(struct harness *h)
{
	assert_int_equal(unlink(h->path), 0);
	assert_int_equal(mkdir(h->path, 0700), 0);
}

static void only_the_wal_is_left(struct harness *h)
{
	auto_free char *wal = xasprintf("%s-wal", h->path);

	assert_int_equal(rename(h->path, wal), 0);
}

/* Name, size and content of all in the folder. */
static char *picture(struct harness *h)
{
	struct dirent **entries;
	struct buf b = BUF_INIT;
	int n = scandir(h->dir, &entries, NULL, alphasort);

	assert_true(n >= 2);
	for (int i = 0; i < n; i++) {
		auto_free char *path = xasprintf("%s/%s", h->dir, entries[i]->d_name);
		auto_free char *data = NULL;
		uint64_t sum = 0;
		size_t size = 0;

		if (entries[i]->d_name[0] != '.' &&
		    file_read(path, FILE_MAX, &data, &size, NULL) == 0)
			for (size_t j = 0; j < size; j++)
				sum = (sum ^ (unsigned char)data[j]) * 0x100000001b3;
		buf_printf(&b, "%s %zu %llx\n", entries[i]->d_name, size, (unsigned long long)sum);
		free(entries[i]);
	}
	free(entries);
	return buf_take(&b);
}

static void refused(struct harness *h, const char *what, const char *because)
{
	auto_free char *before = picture(h), *after = NULL;
	struct err err = { 0 };
	int r;

	r = store_open(&h->config, &h->store, &err);
	if (r != -EUCLEAN)
		fail_msg("%s: opening gave %d (%s)", what, r, err.msg);
	assert_int_equal(err.code, -EUCLEAN);
	if (!strstr(err.msg, because) || !strstr(err.msg, h->path) || !strcasestr(err.msg, "move"))
		fail_msg("%s: the message is \"%s\"", what, err.msg);
	assert_null(h->store);
	after = picture(h);
	assert_string_equal(before, after);
}

static void damage_is_refused_and_left_alone(void **state)
{
	static const struct {
		const char *what;
		void (*damage)(struct harness *h);
		const char *because;
	} table[] = {
		{ "empty", make_empty, "it is empty" },
		{ "text", make_text, "no database" },
		{ "cut in half", cut_in_half, "is damaged" },
		{ "cut within a page", cut_within_a_page, "is damaged" },
		{ "zero page", zero_a_page, "is damaged" },
		{ "zero schema", zero_the_schema, "is damaged" },
		{ "flipped bit", flip_a_bit_of_a_value, "checksum of services default/n" },
		{ "renamed object", swap_two_objects, "checksum of services default/x" },
		{ "no revision", lose_the_revision, "a table is empty" },
		{ "old revision", go_back_in_time, "newer than the newest" },
		{ "no table", drop_a_table, "no such table" },
		{ "other application", change_the_application, "another program" },
		{ "other format", change_the_format, "another version" },
		{ "unknown kind", add_an_unknown_kind, "gadgets" },
		{ "folder", be_a_folder, "a directory" },
		{ "only the WAL", only_the_wal_is_left, "is missing" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct harness h;

		harness_init(&h);
		harness_open(&h);
		fill(&h);
		harness_close(&h);
		table[i].damage(&h);
		refused(&h, table[i].what, table[i].because);
		(void)rmdir(h.path);
		harness_done(&h);
	}
}

/* What a killed server leaves: a database and a WAL with its newest writes. */
static void leave_a_wal(struct harness *h)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		harness_open(h);
		fill(h);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* Of the WAL, too: its frames would cover damage of the pages they replace. */
static void lose_the_tables(struct harness *h)
{
	auto_free char *wal = xasprintf("%s-wal", h->path), *data = NULL;
	size_t size;

	assert_int_equal(file_read(h->path, FILE_MAX, &data, &size, NULL), 0);
	memset(data + 4096, 0xff, size - 4096);
	overwrite(h, 0, data, size);
	assert_int_equal(truncate(wal, 32 + 24 + 4096), 0); /* one frame, no commit */
}

static void a_wal_is_left_alone_too(void **state)
{
	const char zeros[16] = { 0 };
	auto_free char *lock = NULL;
	struct harness h;

	(void)state;
	harness_init(&h);
	harness_open(&h);
	fill(&h);
	harness_close(&h);
	leave_a_wal(&h);
	lock = xasprintf("%s.lock", h.path);
	assert_int_equal(unlink(lock), 0); /* the dead child's, which an opener takes away */
	overwrite(&h, 0, zeros, 16);
	refused(&h, "database under a WAL", "no database");
	overwrite(&h, 0, "SQLite format 3", 16);
	lose_the_tables(&h);
	refused(&h, "damage beside a WAL", "is damaged");
	harness_done(&h);
}

static void a_wal_of_the_dead_is_read(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h);
	harness_open(&h);
	fill(&h);
	harness_close(&h);
	leave_a_wal(&h);
	harness_open(&h);
	assert_int_equal(store_revision(h.store), 2 * OBJECTS);
	harness_done(&h);
}

static void a_kill_loses_nothing(void **state)
{
	struct harness *h = *state;
	auto_free char *wal = xasprintf("%s-wal", h->path), *lock = xasprintf("%s.lock", h->path);
	struct store_stats stats;

	harness_close(h);
	leave_a_wal(h);
	assert_int_equal(access(wal, F_OK), 0);
	assert_int_equal(access(lock, F_OK), 0); /* left by the dead: it must not be in the way */
	harness_open(h);
	store_stats(h->store, &stats);
	assert_int_equal(stats.objects, OBJECTS);
	assert_int_equal(stats.revision, OBJECTS);
	harness_close(h);
	assert_int_equal(access(wal, F_OK), -1);
	assert_int_equal(access(lock, F_OK), -1);
}

static int open_in_a_child(struct harness *h)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		struct err err = { 0 };
		struct store *store;
		int r = store_open(&h->config, &store, &err);

		_exit(r == -EBUSY && strstr(err.msg, "in use by another process") ? 42 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WEXITSTATUS(status);
}

static void a_second_opener_is_told(void **state)
{
	struct harness *h = *state;
	struct store *second = NULL;
	struct err err = { 0 };

	assert_int_equal(open_in_a_child(h), 42);
	assert_int_equal(store_open(&h->config, &second, &err), -EBUSY);
	assert_null(second);
	assert_int_equal(open_in_a_child(h), 42); /* still */
	put(h, "a", "x", "1");
}

static void another_programs_lock_is_respected(void **state)
{
	struct harness *h = *state;
	struct store *store = NULL;
	struct err err = { 0 };
	sqlite3 *db;

	harness_close(h);
	assert_int_equal(sqlite3_open(h->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(store_open(&h->config, &store, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "in use by another process"));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	harness_open(h);
}

static void files_are_for_their_owner_only(void **state)
{
	struct harness *h = *state;
	static const char *const suffixes[] = { "", "-wal", ".lock" };
	mode_t before = umask(0);
	struct stat st;

	harness_close(h);
	assert_int_equal(unlink(h->path), 0);
	harness_open(h);
	put(h, "a", "x", "1");
	(void)umask(before);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		auto_free char *name = xasprintf("%s%s", h->path, suffixes[i]);

		assert_int_equal(stat(name, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
}

static void a_creation_cut_off_is_begun_anew(void **state)
{
	struct harness *h = *state;
	auto_free char *beside = xasprintf("%s.new", h->path), *wal = xasprintf("%s-wal", beside);

	harness_close(h);
	assert_int_equal(rename(h->path, beside), 0);
	assert_int_equal(file_write(wal, "rubbish", 7, 0600, NULL), 0);
	harness_open(h);
	assert_int_equal(access(beside, F_OK), -1);
	assert_int_equal(access(wal, F_OK), -1);
	assert_int_equal(put(h, "a", "x", "1"), 1);
}

static void a_missing_folder_is_named(void **state)
{
	const struct store_config config = { .path = "/tmp/fairlead-no-such-folder/state.db" };
	struct store *store = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(store_open(&config, &store, &err), -ENOENT);
	assert_non_null(strstr(err.msg, config.path));
}

static void the_wal_does_not_grow_without_end(void **state)
{
	struct harness *h = *state;
	auto_free char *wal = xasprintf("%s-wal", h->path);
	char value[16000], name[16];
	off_t most = 0;
	struct stat st;

	memset(value, 'v', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	/* Commits of ten pages each: 24 MB of WAL if nothing was done. */
	for (int i = 0; i < 600; i++) {
		(void)snprintf(name, sizeof(name), "n%d", i % 10);
		put(h, "a", name, value);
		assert_int_equal(stat(wal, &st), 0);
		if (most < st.st_size)
			most = st.st_size;
	}
	assert_true(most < 8 << 20);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, harness_setup, harness_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damage_is_refused_and_left_alone),
		cmocka_unit_test(a_wal_is_left_alone_too),
		cmocka_unit_test(a_wal_of_the_dead_is_read),
		TEST(a_kill_loses_nothing),
		TEST(a_second_opener_is_told),
		TEST(another_programs_lock_is_respected),
		TEST(files_are_for_their_owner_only),
		TEST(a_creation_cut_off_is_begun_anew),
		cmocka_unit_test(a_missing_folder_is_named),
		TEST(the_wal_does_not_grow_without_end),
	};

	return cmocka_run_group_tests_name("store_file", tests, NULL, NULL);
}
