/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoints come and go as fast as they can be applied while clients connect as fast as they can:
 * no connection is refused, none reaches an endpoint that has been gone for GONE_NS, no datagram is
 * answered by anyone but the Service.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "lab.h"

#define VIP        "10.96.0.1"
#define BACKENDS   8
#define BYSTANDERS 100
#define RUN_NS     (3 * NSEC_PER_SEC)
#define GONE_NS    (100 * NSEC_PER_MSEC)

static struct server *tcp[BACKENDS + 1], *udp[BACKENDS + 1];
static _Atomic int64_t gone_since[BACKENDS + 1]; /* 0 while it is there */
static atomic_bool over;
static atomic_uint failures;

struct client_result {
	unsigned int asked;
	int first_error;
};

/* Was the one that answered gone for long already when it was asked? */
static bool too_late(int answer, int64_t asked)
{
	int64_t since = atomic_load(&gone_since[answer - '0']);

	return since && asked - since > GONE_NS;
}

static void check_answer(int answer, int64_t asked, struct client_result *result)
{
	result->asked++;
	if (answer > '0' && answer <= '0' + BACKENDS && !too_late(answer, asked))
		return;
	if (!result->first_error)
		result->first_error = answer;
	atomic_fetch_add(&failures, 1);
}

static void *tcp_client(void *arg)
{
	while (!atomic_load(&over)) {
		int64_t asked = clock_now();

		check_answer(ask_tcp(VIP, 80), asked, arg);
	}
	return NULL;
}

static void *udp_client(void *arg)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	while (!atomic_load(&over)) {
		int64_t asked = clock_now();

		check_answer(ask_udp(fd, VIP, 53), asked, arg);
	}
	return NULL;
}

static void apply_set(struct datapath *dp, unsigned int set)
{
	struct plan_service *plan = plan_make("web");
	struct plan_port *web = plan_add_port(plan, PROTOCOL_TCP, 80, 4);
	struct plan_port *dns = plan_add_port(plan, PROTOCOL_UDP, 53, 4);
	struct err err = { 0 };
	char addr[32];

	plan_add_frontend(plan, web, PLAN_CLUSTER_IP, VIP, 80, PLAN_WINDOW_ALL);
	plan_add_frontend(plan, dns, PLAN_CLUSTER_IP, VIP, 53, PLAN_WINDOW_ALL);
	for (unsigned int i = 1; i <= BACKENDS; i++) {
		if (!(set >> i & 1))
			continue;
		(void)snprintf(addr, sizeof(addr), "10.1.0.%u", i);
		plan_add_backend(plan, web, addr, 8080, ALL);
		plan_add_backend(plan, dns, addr, 8080, ALL);
	}
	ASSERT_OK(datapath_apply(dp, plan, &err), &err);
	plan_destroy(plan);
}

/* One at a time goes or comes; at least one of the old set is in the new one. */
static unsigned int change(unsigned int set)
{
	unsigned int bit = 1u << (1 + rand() % BACKENDS);

	return set == bit ? set : set ^ bit;
}

/* From small maps: others beside it make them grow while it is asked. */
static struct datapath *open_small(void)
{
	return lab_open(&(struct datapath_config){
		.ports = 4, .frontends = 4, .backends = 8, .slots = 16 });
}

static void add_bystander(struct datapath *dp, unsigned int n)
{
	char name[32], vip[32];

	(void)snprintf(name, sizeof(name), "bystander%u", n);
	(void)snprintf(vip, sizeof(vip), "10.97.%u.%u", n / 250, 1 + n % 250);
	lab_apply(dp, name, PROTOCOL_TCP, vip, 0x1e);
}

static struct datapath *restart(struct datapath *dp, unsigned int set, unsigned int bystanders)
{
	datapath_close(dp);
	dp = open_small();
	apply_set(dp, set);
	for (unsigned int i = 0; i < bystanders; i++)
		add_bystander(dp, i);
	datapath_synced(dp);
	return dp;
}

/* The programs are exchanged for others again and again, and the maps for larger ones. */
static unsigned int churn(struct datapath **dp, bool upheaval)
{
	int64_t end = clock_now() + RUN_NS;
	unsigned int set = 1 << 1 | 1 << 2, bystanders = 0, n;

	for (n = 0; clock_now() < end; n++) {
		unsigned int next = change(set);

		for (int i = 1; i <= BACKENDS; i++) {
			if (next >> i & 1)
				atomic_store(&gone_since[i], 0);
		}
		apply_set(*dp, next);
		for (int i = 1; i <= BACKENDS; i++) {
			if (set >> i & 1 && !(next >> i & 1))
				atomic_store(&gone_since[i], clock_now());
		}
		set = next;
		datapath_tick(*dp);
		if (upheaval && n % 16 == 0 && bystanders < BYSTANDERS)
			add_bystander(*dp, bystanders++);
		if (upheaval && n % 256 == 255)
			*dp = restart(*dp, set, bystanders);
	}
	return n;
}

static void run(struct datapath *dp, bool upheaval)
{
	unsigned int seed = (unsigned int)time(NULL), changes;
	struct client_result results[2] = { 0 };
	pthread_t threads[2];

	printf("# seed %u\n", seed);
	srand(seed);
	atomic_store(&over, false);
	for (int i = 1; i <= BACKENDS; i++)
		atomic_store(&gone_since[i], 1);
	apply_set(dp, 1 << 1 | 1 << 2);
	gone_since[1] = gone_since[2] = 0;
	assert_int_equal(pthread_create(&threads[0], NULL, tcp_client, &results[0]), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, udp_client, &results[1]), 0);
	changes = churn(&dp, upheaval);
	atomic_store(&over, true);
	for (int i = 0; i < 2; i++)
		(void)pthread_join(threads[i], NULL);
	datapath_close(dp);
	printf("# %u changes, %u connections, %u datagrams\n", changes, results[0].asked,
	       results[1].asked);
	if (failures)
		fail_msg("%u failures, the first: TCP %d, UDP %d", failures, results[0].first_error,
		         results[1].first_error);
	assert_true(changes > 1000 && results[0].asked > 1000 && results[1].asked > 1000);
}

static void test_no_loss(void **state)
{
	(void)state;
	run(lab_open(NULL), false);
}

static void test_no_loss_in_upheaval(void **state)
{
	struct datapath_stats stats;
	struct datapath *dp = open_small();

	(void)state;
	run(dp, true);
	dp = open_small();
	datapath_stats(dp, &stats);
	printf("# %u ports, maps of %u ports, %u backends, %u slots\n", stats.ports,
	       stats.ports_max, stats.backends_max, stats.slots_max);
	assert_true(stats.ports_max >= 64);
	datapath_close(dp);
}

static int clean(void **state)
{
	struct err err = { 0 };

	(void)state;
	ASSERT_OK(datapath_cleanup(lab_pin_dir, &err), &err);
	return 0;
}

static int start(void **state)
{
	char addr[32];

	(void)state;
	for (int i = 1; i <= BACKENDS; i++) {
		(void)snprintf(addr, sizeof(addr), "10.1.0.%d", i);
		tcp[i] = server_new(PROTOCOL_TCP, addr, 8080, (char)('0' + i));
		udp[i] = server_new(PROTOCOL_UDP, addr, 8080, (char)('0' + i));
	}
	return 0;
}

static int stop(void **state)
{
	(void)state;
	for (int i = 1; i <= BACKENDS; i++) {
		server_free(tcp[i]);
		server_free(udp[i]);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_teardown(test_no_loss, clean),
		                            cmocka_unit_test_teardown(test_no_loss_in_upheaval,
		                                                      clean) };

	lab_enter();
	return cmocka_run_group_tests_name("churn", tests, start, stop);
}
