// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "audit/files.h"
#include "base/fd.h"
#include "cli/policy.h"
#include "cli/sandboxes.h"
#include "cli/since.h"
#include "learn/source.h"

static int open_logs(int *ret, struct cli_call *call)
{
	CLEANUP_FD int home = -1;
	int r = state_home(&home, &call->diag);

	if (r == 0)
		r = audit_folder(ret, home, false, &call->diag);
	return r == -ENOENT ? diag_set(&call->diag, r, "there is no audit log yet") : r;
}

static int read_filter(struct learn_filter *ret, struct cli_call *call)
{
	const char *since = cli_value(call, "since");

	*ret = (struct learn_filter){ .app = cli_value(call, "app"),
				      .sandbox = cli_value(call, "sandbox") };
	if (ret->app == NULL && ret->sandbox == NULL)
		return diag_set(&call->diag, -EINVAL, "policy: say whose recording, by --app NAME");
	return since != NULL ? since_read(&ret->since_ns, since, &call->diag) : 0;
}

int policy_recording(struct learn *ret, struct cli_call *call)
{
	CLEANUP_FD int folder = -1;
	struct learn_filter filter;
	unsigned bad = 0;
	int r = read_filter(&filter, call);

	if (r == 0)
		r = open_logs(&folder, call);
	if (r == 0)
		r = learn_read(&bad, ret, folder, &filter, &call->diag);
	if (r == 0 && bad > 0)
		fprintf(call->err,
			"immure: %u audit logs do not read to their end; say: immure audit "
			"verify\n",
			bad);
	if (r == 0 && ret->entries == 0)
		r = diag_set(
		    &call->diag, -ENOENT,
		    "nothing is recorded of that; \"immure audit stats\" says of whom there "
		    "is something");
	return r;
}
