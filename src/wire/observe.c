// SPDX-License-Identifier: Apache-2.0
#include "wire/observe.h"

#include <endian.h>
#include <errno.h>

/* The fixed part of a record. Without padding, so it may be copied as it is. */
struct head {
	uint64_t time_ns, result, value[2];
	uint32_t pid, tid;
	uint16_t call;
	uint8_t kind, flags;
	char comm[OBSERVE_COMM_OCTETS];
	uint16_t path_len, more_len;
};

_Static_assert(sizeof(struct head) == OBSERVE_RECORD_OCTETS_MIN, "no padding");

const char *const observe_kind_names[OBSERVE_KINDS] = {
	[0] = "none",
	[OBSERVE_EXEC] = "exec",
	[OBSERVE_OPEN] = "open",
	[OBSERVE_CONNECT] = "connect",
	[OBSERVE_BIND] = "bind",
	[OBSERVE_UNLINK] = "unlink",
	[OBSERVE_RENAME] = "rename",
	[OBSERVE_MKDIR] = "mkdir",
	[OBSERVE_LINK] = "link",
	[OBSERVE_SYMLINK] = "symlink",
	[OBSERVE_MKNOD] = "mknod",
	[OBSERVE_CHMOD] = "chmod",
	[OBSERVE_CHOWN] = "chown",
	[OBSERVE_TRUNCATE] = "truncate",
	[OBSERVE_MOUNT] = "mount",
	[OBSERVE_PTRACE] = "ptrace",
	[OBSERVE_IDENTITY] = "identity",
	[OBSERVE_MODULE] = "module",
	[OBSERVE_BPF] = "bpf",
	[OBSERVE_NAMESPACE] = "namespace",
	[OBSERVE_FOREIGN] = "foreign",
};

/* is_text() - may be on the wire */
static bool is_text(struct span text)
{
	return text.len <= OBSERVE_TEXT_OCTETS_MAX &&
	       (text.len == 0 || memchr(text.ptr, 0, text.len) == NULL);
}

/* is_comm() - ended, and nothing behind its end */
static bool is_comm(const char *comm)
{
	const char *end = memchr(comm, 0, OBSERVE_COMM_OCTETS);

	for (; end != NULL && end < comm + OBSERVE_COMM_OCTETS; end++)
		if (*end != 0)
			return false;
	return end != NULL;
}

static bool is_sound(const struct observe_record *record)
{
	return record->kind > 0 && record->kind < OBSERVE_KINDS &&
	       (record->flags & ~OBSERVE_FLAGS) == 0 && is_comm(record->comm) &&
	       is_text(record->path) && is_text(record->more);
}

void observe_lost_encode(char *ret, uint64_t lost)
{
	lost = htole64(lost);
	memcpy(ret, &lost, sizeof(lost));
}

int observe_lost_decode(uint64_t *ret, struct span *ret_records, struct span packet)
{
	uint64_t lost = 0;

	if (packet.len < sizeof(lost) || packet.len > OBSERVE_PACKET_OCTETS_MAX)
		return -EPROTO;
	memcpy(&lost, packet.ptr, sizeof(lost));
	*ret = le64toh(lost);
	*ret_records = span_drop(packet, sizeof(lost));
	return 0;
}

int observe_encode(size_t *ret_len, char *ret, const struct observe_record *record)
{
	if (!is_sound(record))
		return -EINVAL;
	struct head head = {
		.time_ns = htole64(record->time_ns),
		.result = htole64((uint64_t)record->result),
		.value = { htole64(record->value[0]), htole64(record->value[1]) },
		.pid = htole32(record->pid),
		.tid = htole32(record->tid),
		.call = htole16(record->call),
		.kind = (uint8_t)record->kind,
		.flags = record->flags,
		.path_len = htole16((uint16_t)record->path.len),
		.more_len = htole16((uint16_t)record->more.len),
	};
	memcpy(head.comm, record->comm, sizeof(head.comm));
	memcpy(ret, &head, sizeof(head));
	if (record->path.len > 0)
		memcpy(ret + sizeof(head), record->path.ptr, record->path.len);
	if (record->more.len > 0)
		memcpy(ret + sizeof(head) + record->path.len, record->more.ptr, record->more.len);
	*ret_len = sizeof(head) + record->path.len + record->more.len;
	return 0;
}

int observe_decode(struct observe_record *ret, struct span *records)
{
	struct head head;

	if (records->len < sizeof(head))
		return -EPROTO;
	memcpy(&head, records->ptr, sizeof(head));
	struct observe_record record = {
		.time_ns = le64toh(head.time_ns),
		.result = (int64_t)le64toh(head.result),
		.value = { le64toh(head.value[0]), le64toh(head.value[1]) },
		.pid = le32toh(head.pid),
		.tid = le32toh(head.tid),
		.call = le16toh(head.call),
		.kind = head.kind,
		.flags = head.flags,
		.path = { records->ptr + sizeof(head), le16toh(head.path_len) },
	};
	memcpy(record.comm, head.comm, sizeof(record.comm));
	size_t more_len = le16toh(head.more_len);
	if (records->len - sizeof(head) < record.path.len + more_len)
		return -EPROTO;
	record.more = (struct span){ record.path.ptr + record.path.len, more_len };
	if (!is_sound(&record))
		return -EPROTO;
	*records = span_drop(*records, sizeof(head) + record.path.len + more_len);
	*ret = record;
	return 0;
}
