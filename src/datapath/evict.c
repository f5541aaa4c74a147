/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/evict.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "datapath/evict_skel.h"
#include "datapath/host.h"
#include "datapath/netns.h"
#include "datapath/sockdiag.h"

#define BATCH_NS (30 * NSEC_PER_MSEC)
#define REST     10 /* times what a pass costs: endless churn must not keep a processor busy */
#define REST_MAX NSEC_PER_SEC
#define READ_MAX 4096

/* What the thread works with. */
struct pass {
	const struct maps *maps;
	int link;      /* of the iterator; a negative errno where there is none */
	bool destroys; /* the iterator itself; else it names the sockets */
	unsigned long destroyed;
};

void evict_init(struct evict *e)
{
	*e = (struct evict){ 0 };
	maps_init(&e->next);
	(void)pthread_mutex_init(&e->lock, NULL);
	(void)pthread_cond_init(&e->wake, NULL);
}

static int reuse_maps(const struct evict_bpf *skel, const struct maps *maps)
{
	int r = 0;

	for (enum map_id id = 0; id < MAPS && r == 0; id++)
		r = bpf_map__reuse_fd(bpf_object__find_map_by_name(skel->obj, map_names[id]),
		                      maps->fd[id]);
	return r;
}

/* A link of the iterator over these maps, which keeps the program. */
static int iterator_new(const struct maps *maps, bool destroys)
{
	struct evict_bpf *skel = evict_bpf__open();
	struct bpf_program *program;
	int link, r;

	if (!skel)
		return -errno;
	program = destroys ? skel->progs.evict_udp : skel->progs.list_udp;
	r = bpf_program__set_autoload(destroys ? skel->progs.list_udp : skel->progs.evict_udp,
	                              false);
	if (r == 0)
		r = reuse_maps(skel, maps);
	if (r == 0)
		r = evict_bpf__load(skel);
	link = r < 0 ? r : bpf_link_create(bpf_program__fd(program), 0, BPF_TRACE_ITER, NULL);
	evict_bpf__destroy(skel);
	return link;
}

static int run_destroying(struct pass *pass, int fd, struct err *err)
{
	char bytes[READ_MAX];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		pass->destroyed += (unsigned long)n;
	return n < 0 ? err_errno(err, "cannot read an iterator") : 0;
}

/* First all are listed: destroying sockets while they are walked would pass some over. */
static int run_listing(struct pass *pass, int fd, struct err *err)
{
	auto_buf struct buf victims = BUF_INIT;
	char bytes[READ_MAX];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		buf_add(&victims, bytes, (size_t)n);
	if (n < 0)
		return err_errno(err, "cannot read an iterator");
	return sockdiag_destroy((const void *)victims.p, victims.n / sizeof(struct victim),
	                        &pass->destroyed, err);
}

static int run_iterator(struct pass *pass, struct err *err)
{
	auto_close int fd = bpf_iter_create(pass->link);

	if (fd < 0)
		return err_errno(err, "cannot make an iterator");
	return pass->destroys ? run_destroying(pass, fd, err) : run_listing(pass, fd, err);
}

/* In the network namespace the thread is in. */
static int evict_here(void *arg, struct err *err)
{
	struct pass *pass = arg;
	struct netns_seen *seen = pass->maps->netns_seen;
	uint64_t cookie;
	int r;

	r = host_netns_cookie(&cookie, err);
	if (r < 0)
		return r;
	cookie %= NETNS_BITS;
	if (!(__atomic_load_n(&seen->word[cookie / 64], __ATOMIC_ACQUIRE) >> cookie % 64 & 1))
		return 0;
	return run_iterator(pass, err);
}

/* Takes over the maps of the last evict_kick() if they are others. */
static void take_maps(struct evict *e, struct maps *maps, struct pass *pass)
{
	struct maps next;

	(void)pthread_mutex_lock(&e->lock);
	next = e->next;
	maps_init(&e->next);
	(void)pthread_mutex_unlock(&e->lock);
	if (!next.generation)
		return;
	cleanup_close(&pass->link);
	maps_done(maps);
	*maps = next;
	pass->link = e->no_destroy ? -EOPNOTSUPP : iterator_new(maps, true);
	pass->destroys = pass->link >= 0;
	if (!pass->destroys)
		pass->link = iterator_new(maps, false);
}

static void report(struct evict *e, const struct pass *pass, int r)
{
	(void)pthread_mutex_lock(&e->lock);
	e->destroyed += pass->destroyed;
	e->failures += r < 0;
	(void)pthread_mutex_unlock(&e->lock);
}

/* False: to end. */
static bool wait_for_work(struct evict *e, int64_t pause_ns)
{
	struct timespec until;
	bool stop;
	int r = 0;

	(void)pthread_mutex_lock(&e->lock);
	while (!e->wanted && !e->stop)
		(void)pthread_cond_wait(&e->wake, &e->lock);
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += pause_ns;
	until.tv_sec += until.tv_nsec / (long)NSEC_PER_SEC;
	until.tv_nsec %= (long)NSEC_PER_SEC;
	while (!e->stop && r != ETIMEDOUT)
		r = pthread_cond_clockwait(&e->wake, &e->lock, CLOCK_MONOTONIC, &until);
	/* what comes from here on is for the next pass */
	e->wanted = false;
	stop = e->stop;
	(void)pthread_mutex_unlock(&e->lock);
	return !stop;
}

/* Of this thread: on a busy machine a pass may take long that costs next to nothing. */
static int64_t processor_time(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static int64_t pause_after(int64_t cost)
{
	if (cost * REST > REST_MAX)
		return REST_MAX;
	return cost * REST > BATCH_NS ? cost * REST : BATCH_NS;
}

static void *work(void *arg)
{
	struct evict *e = arg;
	struct maps maps;
	struct pass pass = { .maps = &maps, .link = -1 };
	int64_t pause = BATCH_NS;

	maps_init(&maps);
	while (wait_for_work(e, pause)) {
		int64_t start;
		int r;

		take_maps(e, &maps, &pass);
		pass.destroyed = 0;
		start = processor_time();
		r = pass.link < 0 ? pass.link : netns_each(evict_here, &pass, NULL);
		report(e, &pass, r);
		pause = pause_after(processor_time() - start);
	}
	cleanup_close(&pass.link);
	maps_done(&maps);
	return NULL;
}

/* Signals are for the threads that wait for them. */
static int start(struct evict *e)
{
	sigset_t all, before;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&e->thread, NULL, work, e);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

static int copy_maps(struct maps *to, const struct maps *from)
{
	maps_init(to);
	memcpy(to->max, from->max, sizeof(to->max));
	to->generation = from->generation;
	for (enum map_id id = 0; id < MAPS; id++) {
		to->fd[id] = fcntl(from->fd[id], F_DUPFD_CLOEXEC, 0);
		if (to->fd[id] < 0)
			return -errno;
	}
	return maps_map_netns(to, NULL);
}

/* Called with the lock held. */
static int prepare(struct evict *e, const struct maps *maps)
{
	struct maps copy;
	int r;

	if (e->generation != maps->generation) {
		r = copy_maps(&copy, maps);
		if (r < 0) {
			maps_done(&copy);
			return r;
		}
		maps_done(&e->next);
		e->next = copy;
		e->generation = maps->generation;
	}
	if (e->started)
		return 0;
	r = start(e);
	e->started = r == 0;
	return r;
}

void evict_kick(struct evict *e, const struct maps *maps)
{
	(void)pthread_mutex_lock(&e->lock);
	e->wanted = true;
	e->failures += prepare(e, maps) < 0;
	(void)pthread_cond_signal(&e->wake);
	(void)pthread_mutex_unlock(&e->lock);
}

void evict_done(struct evict *e)
{
	(void)pthread_mutex_lock(&e->lock);
	e->stop = true;
	(void)pthread_cond_signal(&e->wake);
	(void)pthread_mutex_unlock(&e->lock);
	if (e->started)
		(void)pthread_join(e->thread, NULL);
	maps_done(&e->next);
	(void)pthread_cond_destroy(&e->wake);
	(void)pthread_mutex_destroy(&e->lock);
}

void evict_stats(struct evict *e, uint64_t *ret_destroyed, uint64_t *ret_failures)
{
	(void)pthread_mutex_lock(&e->lock);
	*ret_destroyed = e->destroyed;
	*ret_failures = e->failures;
	(void)pthread_mutex_unlock(&e->lock);
}
