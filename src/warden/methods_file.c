// SPDX-License-Identifier: Apache-2.0
/* The methods that move files: each is one transfer, whose end answers the call. */
#include <errno.h>

#include "warden/methods_priv.h"
#include "warden/transfer.h"
#include "wire/base64.h"

/* file_failed() - answer for @error, an errno, with its name for programs. Return: was it one? */
static bool file_failed(struct rpc_call *call, int error)
{
	if (error != 0)
		rpc_fail(call, RPC_FAILED, "%s: %s", strerrorname_np(error), strerror(error));
	return error != 0;
}

static void on_written(void *context, int error, struct buf *data)
{
	(void)data;
	if (!file_failed(context, error))
		rpc_reply(context, json_object());
}

static void on_read(void *context, int error, struct buf *data)
{
	struct buf text = BUF(BASE64_OCTETS((size_t)TRANSFER_OCTETS_MAX + 65536));

	if (file_failed(context, error))
		return;
	if (base64_encode(&text, buf_span(data)) < 0)
		rpc_fail(context, RPC_FAILED,
			 "ENOMEM: the file is too large for the memory there is");
	else
		rpc_reply(context, json_pack("{s:s%}", "content",
					     buf_len(&text) > 0 ? text.ptr + text.start : "",
					     buf_len(&text)));
	buf_free(&text);
}

static void on_listed(void *context, int error, struct buf *data)
{
	struct span rest = buf_len(data) > 0 ? buf_span(data) : SPAN("");
	struct agent_entry entry;
	json_t *files = json_array();
	int r = 0;

	if (file_failed(context, error)) {
		json_decref(files);
		return;
	}
	while ((r = agent_entry_decode(&entry, &rest)) == 1) {
		/* a name that is not UTF-8 cannot stand in JSON */
		json_t *name = json_stringn(entry.name.ptr, entry.name.len);

		if (name == NULL)
			name = json_sprintf("?invalid-utf8-%zu", json_array_size(files));
		json_array_append_new(files, json_pack("{s:o, s:I, s:I, s:b}", "name", name, "size",
						       (json_int_t)entry.size, "mode",
						       (json_int_t)(entry.mode & 07777), "is_dir",
						       (entry.mode & 0170000) == 0040000));
	}
	if (r < 0 || rest.len > 0) {
		json_decref(files);
		rpc_fail(context, RPC_FAILED, "EPROTO: init's list of files makes no sense");
		return;
	}
	rpc_reply(context, json_pack("{s:o}", "files", files));
}

/* start_transfer() - common to the file methods; @content consumed */
static void start_transfer(struct server *server, struct rpc_call *call, json_t *params,
			   enum agent_type type, struct buf *content, transfer_ended *ended)
{
	const struct agent_file file = {
		.path = span_of(params_text(params, "path", "")),
		.mode = (uint32_t)params_uint(params, "mode", 0644) & 0777,
		.offset = params_uint(params, "offset", 0),
		.length = params_uint(params, "length", UINT64_MAX >> 1),
	};
	int r = transfer_start(server->sandbox, type, &file, content, ended, call);

	if (r == -EINVAL)
		rpc_fail(call, RPC_INVALID_PARAMS, "path must be absolute and without NUL");
	else if (r < 0)
		rpc_fail(call, RPC_FAILED, "%s: %s", strerrorname_np(-r), strerror(-r));
}

void method_write_file(void *context, struct rpc_call *call, json_t *params)
{
	struct buf content = BUF(TRANSFER_OCTETS_MAX);
	int r = base64_decode(&content, span_of(params_text(params, "content", "")));

	if (r < 0) {
		buf_free(&content);
		rpc_fail(call, RPC_INVALID_PARAMS,
			 r == -EINVAL ? "content is not base64" : "content exceeds 32 MiB");
		return;
	}
	start_transfer(context, call, params, AGENT_FILE_WRITE, &content, on_written);
}

void method_read_file(void *context, struct rpc_call *call, json_t *params)
{
	start_transfer(context, call, params, AGENT_FILE_READ, NULL, on_read);
}

void method_list_files(void *context, struct rpc_call *call, json_t *params)
{
	start_transfer(context, call, params, AGENT_FILE_LIST, NULL, on_listed);
}
