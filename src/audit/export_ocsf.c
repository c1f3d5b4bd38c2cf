// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the action says which class of https://schema.ocsf.io/1.3.0 an event is of, a
 * table the activity within it. What all classes share is put first, then each class's own objects.
 * type_uid is class_uid * 100 + activity_id, as the schema wants it.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "audit/export.h"

enum {
	FILE_ACTIVITY = 1001,
	PROCESS_ACTIVITY = 1007,
	NETWORK_ACTIVITY = 4001,
	HTTP_ACTIVITY = 4002,
	DNS_ACTIVITY = 4003,
	APPLICATION_LIFECYCLE = 6002,
	OTHER = 99,
};

/* The first row whose text begins the action decides. */
static const struct {
	const char *action;
	int class, activity;
} actions[] = {
	{ "http.", HTTP_ACTIVITY, OTHER }, /* the method says more */
	{ "dns.", DNS_ACTIVITY, 1 },       /* Query */
	{ "net.refuse", NETWORK_ACTIVITY, 5 },
	{ "net.", NETWORK_ACTIVITY, 1 }, /* Open */
	{ "port.", NETWORK_ACTIVITY, OTHER },
	{ "fs.create", FILE_ACTIVITY, 1 },
	{ "fs.mkdir", FILE_ACTIVITY, 1 },
	{ "fs.read", FILE_ACTIVITY, 2 },
	{ "fs.write", FILE_ACTIVITY, 3 },
	{ "fs.unlink", FILE_ACTIVITY, 4 },
	{ "fs.delete", FILE_ACTIVITY, 4 },
	{ "fs.rename", FILE_ACTIVITY, 5 },
	{ "fs.chmod", FILE_ACTIVITY, 6 }, /* Set Attributes */
	{ "fs.open", FILE_ACTIVITY, 14 },
	{ "fs.", FILE_ACTIVITY, OTHER },
	{ "exec", PROCESS_ACTIVITY, 1 }, /* Launch */
	{ "process.exit", PROCESS_ACTIVITY, 2 },
	{ "process.setuid", PROCESS_ACTIVITY, 5 },
	{ "process.", PROCESS_ACTIVITY, OTHER },
	{ "sandbox.start", APPLICATION_LIFECYCLE, 3 },
	{ "sandbox.stop", APPLICATION_LIFECYCLE, 4 },
	{ "", APPLICATION_LIFECYCLE, OTHER },
};

static int method_activity(struct span method)
{
	static const char *const methods[] = { "CONNECT", "DELETE", "GET", "HEAD",
					       "OPTIONS", "POST",   "PUT", "TRACE" };

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (span_is(method, methods[i]))
			return (int)i + 1;
	return OTHER;
}

static void classify(int *ret_class, int *ret_activity, const struct audit_entry *entry)
{
	size_t i = 0;

	while (entry->action.len < strlen(actions[i].action) ||
	       memcmp(entry->action.ptr, actions[i].action, strlen(actions[i].action)) != 0)
		i++;
	*ret_class = actions[i].class;
	*ret_activity = actions[i].activity;
	if (*ret_class == HTTP_ACTIVITY)
		*ret_activity = method_activity(entry->resource.method);
	if (*ret_class == NETWORK_ACTIVITY && entry->decision == AUDIT_DENY)
		*ret_activity = 5; /* Refuse */
}

static void set(json_t *object, const char *name, json_t *value)
{
	(void)json_object_set_new(object, name, value);
}

static void set_text(json_t *object, const char *name, struct span text)
{
	if (text.ptr != NULL && text.len > 0)
		set(object, name, json_stringn(text.ptr, text.len));
}

static void set_number(json_t *object, const char *name, struct audit_number number)
{
	if (number.is_set)
		set(object, name, json_integer((json_int_t)number.value));
}

static json_t *process_json(const struct audit_entry *entry)
{
	json_t *process = json_object(), *file = json_object();

	set_number(process, "pid", entry->actor.pid);
	set_text(file, "path", entry->actor.program);
	set_text(file, "name", entry->actor.program);
	set(file, "type_id", json_integer(1)); /* Regular File */
	set(process, "file", file);
	return process;
}

static json_t *endpoint_json(const struct audit_entry *entry)
{
	json_t *endpoint = json_object();

	set_text(endpoint, "hostname", entry->resource.host);
	set_number(endpoint, "port", entry->resource.port);
	return endpoint;
}

static json_t *file_json(const struct audit_entry *entry)
{
	json_t *file = json_object();
	struct span path = entry->resource.path, name = path;
	const char *slash = path.len > 0 ? memrchr(path.ptr, '/', path.len) : NULL;

	if (slash != NULL)
		name = span_drop(path, (size_t)(slash + 1 - path.ptr));
	set_text(file, "path", path);
	set_text(file, "name", name.len > 0 ? name : path);
	set(file, "type_id", json_integer(0)); /* Unknown */
	return file;
}

static json_t *request_json(const struct audit_entry *entry)
{
	json_t *request = json_object(), *url = json_object();

	set_text(request, "http_method", entry->resource.method);
	set_text(request, "uid", entry->request_id);
	set_text(url, "url_string", entry->resource.url);
	set_text(url, "hostname", entry->resource.host);
	set_text(url, "path", entry->resource.path);
	set_number(url, "port", entry->resource.port);
	set(request, "url", url);
	return request;
}

static void set_network(json_t *event, int class, const struct audit_found *found)
{
	const struct audit_entry *entry = &found->entry, *end = audit_outcome(found);
	json_t *traffic = json_object(), *response = NULL;

	set(event, "dst_endpoint", endpoint_json(entry));
	set_number(traffic, "bytes_out", end->request_bytes);
	set_number(traffic, "bytes_in", end->response_bytes);
	set(event, "traffic", traffic);
	if (class == DNS_ACTIVITY) {
		json_t *query = json_object();

		set_text(query, "hostname", entry->resource.host);
		set_text(query, "type", entry->resource.method);
		set(event, "query", query);
	}
	if (class != HTTP_ACTIVITY)
		return;
	set(event, "http_request", request_json(entry));
	response = json_object();
	set(response, "code", json_integer((json_int_t)end->status_code.value));
	set(event, "http_response", response);
}

static void set_class(json_t *event, int class, const struct audit_found *found)
{
	const struct audit_entry *entry = &found->entry;

	switch (class) {
	case FILE_ACTIVITY:
		set(event, "file", file_json(entry));
		break;
	case PROCESS_ACTIVITY:
		set(event, "process",
		    entry->resource.path.ptr != NULL ? json_pack("{s:o}", "file", file_json(entry))
						     : process_json(entry));
		break;
	case APPLICATION_LIFECYCLE:
		set(event, "app",
		    json_pack("{s:s, s:s}", "name", "immure", "vendor_name", "immure"));
		break;
	default:
		set_network(event, class, found);
	}
}

static void set_shared(json_t *event, const struct audit_found *found)
{
	const struct audit_entry *entry = &found->entry, *end = audit_outcome(found);
	bool denied = end->decision == AUDIT_DENY || entry->decision == AUDIT_DENY;
	json_t *metadata = json_pack("{s:s, s:{s:s, s:s, s:s}, s:[s]}", "version", "1.3.0",
				     "product", "name", "immure", "vendor_name", "immure",
				     "version", IMMURE_VERSION, "profiles", "security_control");
	json_t *actor = json_pack("{s:o}", "process", process_json(entry));
	json_t *device = json_pack("{s:i}", "type_id", 6); /* Virtual */

	set_text(metadata, "uid", entry->request_id);
	set_text(metadata, "log_name", entry->actor.sandbox);
	set(metadata, "sequence", json_integer((json_int_t)entry->seq));
	set(event, "metadata", metadata);
	set_text(actor, "app_name", entry->actor.app);
	set(event, "actor", actor);
	set_text(device, "hostname", entry->actor.sandbox);
	set(event, "device", device);
	set(event, "time", json_integer(entry->time_ns / 1000000));
	set(event, "severity_id", json_integer(denied ? 3 : 1)); /* Medium, Informational */
	set(event, "action_id", json_integer(denied ? 2 : 1));   /* Denied, Allowed */
	set(event, "disposition_id", json_integer(denied ? 2 : 1));
	set(event, "status_id", json_integer(denied || end->error_code.ptr != NULL ? 2 : 1));
	set_text(event, "status_code", end->error_code);
	set_text(event, "status_detail",
		 end->reasons.len > 0     ? end->reasons.items[0]
		 : entry->reasons.len > 0 ? entry->reasons.items[0]
					  : (struct span){ 0 });
	if (end->latency_us.is_set)
		set(event, "duration", json_integer((json_int_t)(end->latency_us.value / 1000)));
	if (entry->rule.ptr != NULL) {
		json_t *rule = json_object();

		set_text(rule, "name", entry->rule);
		set(event, "firewall_rule", rule);
	}
}

int audit_export_ocsf(struct buf *ret, const struct audit_found *found)
{
	int class = 0, activity = 0;

	classify(&class, &activity, &found->entry);
	json_t *event =
	    json_pack("{s:i, s:i, s:i, s:i}", "category_uid", class / 1000, "class_uid", class,
		      "activity_id", activity, "type_uid", class * 100 + activity);
	if (event == NULL)
		return -ENOMEM;
	if (activity == OTHER)
		set_text(event, "activity_name",
			 class == HTTP_ACTIVITY ? found->entry.resource.method
						: found->entry.action);
	set_shared(event, found);
	set_class(event, class, found);
	char *text = json_dumps(event, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(event);
	int r = text != NULL ? buf_printf(ret, "%s\n", text) : -ENOMEM;
	free(text);
	return r;
}
