/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child writes many keys at once and says over a pipe what was acknowledged; it is killed at a
 * random moment, fifty times on the same file.  Nothing acknowledged may be missing, no revision may
 * come twice.  (A kill loses no page cache: for power cuts see test_faults.c.)
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "harness.h"
#include "kube/json.h"

enum {
	ROUNDS = 50,
	KEYS = 32,
	FLIGHT = 16
};

enum report_type {
	REPORT_START, /* opened, at 'revision' */
	REPORT_BEGIN, /* about to write 'value' to 'key' */
	REPORT_DONE,  /* acknowledged, with 'revision' */
	REPORT_WRONG, /* the child found something wrong: 'key' is the line */
};

struct report {
	enum report_type type;
	int key;
	uint64_t revision;
	uint64_t value; /* 0: removed */
};

static uint64_t rng; /* state of the parent's or the child's random numbers */

static uint32_t below(uint32_t n)
{
	/* Knuth's MMIX generator */
	rng = rng * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)((rng >> 33) % n);
}

/* The child. */

struct slot {
	struct child *child;
	int key;
	uint64_t value;
	bool running, there;
};

struct child {
	struct store *store;
	int fd;
	struct slot slots[KEYS];
	int running;
	uint64_t last_value;
	uint64_t told;     /* events */
	uint64_t finished; /* writes */
	uint64_t last_revision;
};

static void report(const struct child *child, enum report_type type, int key, uint64_t revision,
                   uint64_t value)
{
	const struct report r = { .type = type, .key = key, .revision = revision, .value = value };

	if (write(child->fd, &r, sizeof(r)) != sizeof(r))
		_exit(1);
}

#define child_check(child, what)                                       \
	do {                                                           \
		if (!(what)) {                                         \
			report((child), REPORT_WRONG, __LINE__, 0, 0); \
			_exit(1);                                      \
		}                                                      \
	} while (0)

static void key_name(int key, char ret_name[static 16])
{
	(void)snprintf(ret_name, 16, "key-%d", key);
}

static int child_change(void *arg, const struct store_object *old, struct store_change *ret)
{
	struct slot *slot = arg;
	char name[16], value[24];

	child_check(slot->child, !!old == slot->there);
	key_name(slot->key, name);
	(void)snprintf(value, sizeof(value), "%llu", (unsigned long long)slot->value);
	if (slot->value) {
		ret->op = STORE_PUT;
		ret->object = json_pack("{s:{s:s,s:s},s:{s:s}}", "metadata", "name", name,
		                        "namespace", "default", "spec", "value", value);
	} else {
		ret->op = STORE_REMOVE;
	}
	return 0;
}

static void child_done(void *arg, int r, const struct store_object *object)
{
	struct slot *slot = arg;
	struct child *child = slot->child;

	child_check(child, r == 0 && object);
	child_check(child, ++child->finished == child->told);
	slot->running = false;
	slot->there = slot->value != 0;
	child->running--;
	report(child, REPORT_DONE, slot->key, object->revision, slot->value);
}

static void child_event(void *arg, struct store_event *event)
{
	struct child *child = arg;

	child_check(child, event->revision > child->last_revision);
	child->last_revision = event->revision;
	child->told++;
}

static void begin_some(struct child *child)
{
	while (child->running < FLIGHT) {
		struct slot *slot = &child->slots[below(KEYS)];
		char name[16];

		if (slot->running)
			continue;
		slot->running = true;
		slot->value = slot->there && below(4) == 0 ? 0 : ++child->last_value;
		child->running++;
		key_name(slot->key, name);
		report(child, REPORT_BEGIN, slot->key, 0, slot->value);
		store_mutate(child->store, &kind_service, "default", name, child_change, child_done,
		             slot);
	}
}

static void child_main(const struct store_config *config, int fd, uint64_t first_value)
{
	struct child child = { .fd = fd, .last_value = first_value };
	struct pollfd ready = { .events = POLLIN };
	struct store_watch *watch;
	struct err err = { 0 };
	uint64_t oldest;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	child_check(&child, store_open(config, &child.store, &err) == 0);
	child.last_revision = store_revision(child.store);
	report(&child, REPORT_START, 0, child.last_revision, 0);
	child_check(&child, store_watch_new(child.store, &kind_service, child.last_revision,
	                                    child_event, &child, &watch, &oldest) == 0);
	for (int i = 0; i < KEYS; i++) {
		char name[16];

		key_name(i, name);
		child.slots[i] = (struct slot){
			.child = &child,
			.key = i,
			.there = store_get(child.store, &kind_service, "default", name),
		};
	}
	ready.fd = store_fd(child.store);
	for (;;) { /* until killed */
		begin_some(&child);
		(void)poll(&ready, 1, -1);
		store_dispatch(child.store);
	}
}

/* The parent. */

struct known {
	uint64_t revision, value; /* of the last acknowledged write; 0: never, removed */
	bool begun;               /* a write was begun that was not acknowledged */
	uint64_t begun_value;
};

struct model {
	struct known keys[KEYS];
	uint64_t highest;    /* revision ever acknowledged or seen */
	uint64_t last_value; /* ever begun */
	size_t acknowledged;
};

static void learn(struct model *model, const struct report *r)
{
	struct known *known = &model->keys[r->key % KEYS];

	switch (r->type) {
	case REPORT_START:
		assert_int_equal(r->revision, model->highest);
		break;
	case REPORT_BEGIN:
		known->begun = true;
		known->begun_value = r->value;
		if (model->last_value < r->value)
			model->last_value = r->value;
		break;
	case REPORT_DONE:
		if (r->revision <= model->highest)
			fail_msg("revision %llu again", (unsigned long long)r->revision);
		*known = (struct known){ .revision = r->revision, .value = r->value };
		model->highest = r->revision;
		model->acknowledged++;
		break;
	case REPORT_WRONG:
		fail_msg("the child failed in line %d", r->key);
	}
}

/* Learns from the child's reports until 'end' (clock_now()), or with 0 until there are no more. */
static void listen_until(struct model *model, int fd, int64_t end)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	struct report r;

	for (;;) {
		int64_t left = end ? end - clock_now() : 10 * NSEC_PER_SEC;
		ssize_t got;

		if (left < 0 || poll(&ready, 1, (int)(left / NSEC_PER_MSEC)) == 0)
			break;
		got = read(fd, &r, sizeof(r)); /* written as a whole */
		if (got == 0) {
			if (end)
				fail_msg("the child ended by itself");
			break;
		}
		assert_int_equal(got, sizeof(r));
		learn(model, &r);
	}
}

static void write_until_killed(struct harness *h, struct model *model)
{
	int fds[2], status;
	struct report first;
	pid_t child;

	assert_int_equal(pipe(fds), 0);
	rng++; /* the child goes on with other numbers than the parent */
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		rng ^= 0x5bd1e995;
		(void)close(fds[0]);
		child_main(&h->config, fds[1], model->last_value);
	}
	(void)close(fds[1]);
	assert_int_equal(read(fds[0], &first, sizeof(first)), sizeof(first));
	learn(model, &first);
	listen_until(model, fds[0], clock_now() + below(120) * NSEC_PER_MSEC);
	assert_int_equal(kill(child, SIGKILL), 0);
	listen_until(model, fds[0], 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	(void)close(fds[0]);
}

static uint64_t value_of(const struct store_object *object)
{
	auto_json json_t *tree = store_object_json(object);

	return strtoull(json_path_str(tree, "spec.value"), NULL, 10);
}

static void check_key(const struct harness *h, struct known *known, int key)
{
	const struct store_object *object;
	char name[16];

	key_name(key, name);
	object = store_get(h->store, &kind_service, "default", name);
	if (object && object->revision == known->revision) {
		assert_int_equal(value_of(object), known->value);
	} else if (object) {
		/* Only the write that was under way may have come after. */
		assert_true(object->revision > known->revision);
		if (!known->begun || value_of(object) != known->begun_value)
			fail_msg("%s has a value that nobody wrote last", name);
		known->revision = object->revision;
		known->value = known->begun_value;
	} else if (known->value) {
		if (!known->begun || known->begun_value)
			fail_msg("%s at revision %llu is lost", name,
			         (unsigned long long)known->revision);
		known->value = 0;
	}
	known->begun = false;
}

static void note_event(void *arg, struct store_event *event)
{
	uint64_t *sum = arg;

	*sum = *sum * 1000003 + event->revision;
}

static void check_watch(struct harness *h, uint64_t since, const uint64_t *revisions, size_t n)
{
	uint64_t expected = 0, seen = 0, oldest;
	struct store_watch *watch;

	for (size_t i = 0; i < n; i++)
		expected = expected * 1000003 + revisions[i];
	assert_int_equal(store_watch_new(h->store, &kind_service, since, note_event, &seen, &watch,
	                                 &oldest),
	                 0);
	assert_int_equal(seen, expected);
	store_watch_free(watch);
}

static void check_watches(struct harness *h, struct model *model)
{
	uint64_t start = store_revision(h->store), oldest = 0, revisions[3];
	struct store_watch *watch = NULL;

	assert_true(start >= model->highest);
	if (start > 0) {
		assert_int_equal(store_watch_new(h->store, &kind_service, below((uint32_t)start),
		                                 note_event, NULL, &watch, &oldest),
		                 -ESTALE);
		assert_int_equal(oldest, start);
	}
	check_watch(h, start, NULL, 0);
	for (int i = 0; i < 3; i++) {
		revisions[i] = put(h, "other", "x", "v");
		assert_true(revisions[i] > model->highest);
		model->highest = revisions[i];
	}
	check_watch(h, start, revisions, 3);
	check_watch(h, revisions[0], revisions + 1, 2);
	check_watch(h, revisions[2], NULL, 0);
}

static void kills_lose_nothing_acknowledged(void **state)
{
	struct model model = { .highest = 0 };
	struct harness h;

	(void)state;
	rand_bytes(&rng, sizeof(rng));
	if (getenv("STORE_CRASH_SEED"))
		rng = strtoull(getenv("STORE_CRASH_SEED"), NULL, 10);
	print_message("# STORE_CRASH_SEED=%llu\n", (unsigned long long)rng);
	harness_init(&h);
	for (int i = 0; i < ROUNDS; i++) {
		write_until_killed(&h, &model);
		harness_open(&h);
		for (int key = 0; key < KEYS; key++)
			check_key(&h, &model.keys[key], key);
		check_watches(&h, &model);
		harness_close(&h);
	}
	print_message("# %zu writes acknowledged in %d rounds\n", model.acknowledged, ROUNDS);
	assert_true(model.acknowledged > ROUNDS);
	harness_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kills_lose_nothing_acknowledged),
	};

	return cmocka_run_group_tests_name("store_crash", tests, NULL, NULL);
}
