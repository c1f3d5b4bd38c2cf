// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the object is part of this program. libbpf fits it to the running kernel by
 * that one's types; the plan is written before it is loaded and can never be changed after.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "observe/observe_priv.h"

extern const char observe_object[]; /* blob.S */
extern const uint64_t observe_object_len;

/* plan_fill() - our own namespace is refused: who observes itself never comes to an end */
static int plan_fill(struct event_plan *ret, int namespace, struct diag *diag)
{
	struct stat wanted, own;

	if (ioctl(namespace, NS_GET_NSTYPE) != CLONE_NEWPID || fstat(namespace, &wanted) < 0 ||
	    stat("/proc/self/ns/pid", &own) < 0)
		return diag_set(diag, -EINVAL, "what is to be observed is no PID namespace");
	if (own.st_ino == wanted.st_ino && own.st_dev == wanted.st_dev)
		return diag_set(diag, -EINVAL, "no observer observes itself");
	ret->dev = wanted.st_dev;
	ret->ino = wanted.st_ino;
	ret->kind_exec = OBSERVE_EXEC;
	ret->call_exec = SYS_execve;
	ret->kind_foreign = OBSERVE_FOREIGN;
	calls_fill(ret->rules);
	return 0;
}

static struct bpf_object *load(const struct event_plan *plan, struct diag *diag)
{
	struct bpf_object *object = bpf_object__open_mem(observe_object, observe_object_len, NULL);
	struct bpf_map *map =
	    object != NULL ? bpf_object__find_map_by_name(object, ".rodata.plan") : NULL;
	int r = map != NULL ? bpf_map__set_initial_value(map, plan, sizeof(*plan)) : -EINVAL;

	if (r == 0)
		r = bpf_object__load(object);
	if (r < 0) {
		(void)diag_set(diag, r, "the kernel does not take the observing programs: %s",
			       strerrordesc_np(-r));
		errno = -r;
		return NULL;
	}
	return object;
}

static int attach(int *ret, struct bpf_object *object, const char *name, struct diag *diag)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);
	struct bpf_link *link = program != NULL ? bpf_program__attach(program) : NULL;

	if (link == NULL)
		return diag_set(diag, -errno, "the kernel lets nothing look at %s: %s", name,
				strerrordesc_np(errno));
	*ret = bpf_link__fd(link);
	return 0;
}

static int map_lost(const uint64_t **ret, struct bpf_object *object)
{
	int fd = bpf_object__find_map_fd_by_name(object, "lost");
	void *at = mmap(NULL, sizeof(uint64_t), PROT_READ, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return -errno;
	*ret = at;
	return 0;
}

int observer_load(struct observer *ret, int namespace,
		  int (*take)(void *context, void *data, size_t octets), void *context,
		  struct diag *diag)
{
	static struct event_plan plan;

	(void)libbpf_set_print(NULL);
	int r = plan_fill(&plan, namespace, diag);
	if (r < 0)
		return r;
	struct bpf_object *object = load(&plan, diag);
	if (object == NULL)
		return -errno;
	int ring = bpf_object__find_map_fd_by_name(object, "ring");
	ret->ring = ring_buffer__new(ring, take, context, NULL);
	if (ret->ring == NULL)
		return diag_set(diag, -errno, "no ring: %s", strerrordesc_np(errno));
	r = map_lost(&ret->lost, object);
	if (r < 0)
		return diag_set(diag, r, "no counter: %s", strerrordesc_np(-r));
	ret->keep[0] = ring;
	ret->keep[1] = ring_buffer__epoll_fd(ret->ring);
	r = attach(&ret->keep[2], object, "on_return", diag);
	return r < 0 ? r : attach(&ret->keep[3], object, "on_exec", diag);
}
