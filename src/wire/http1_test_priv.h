/* SPDX-License-Identifier: Apache-2.0 */
/* http1_test_priv - what the tests of HTTP/1.1 share. */
#ifndef WIRE_HTTP1_TEST_PRIV_H
#define WIRE_HTTP1_TEST_PRIV_H

#include "wire/http1.h"

/* fault_of() - of a request; TRUNCATED: more is needed */
static inline enum http1_fault fault_of(struct span input, const struct http1_limits *limits)
{
	static struct http1_request request;
	struct http1_scan scan = { 0 };

	switch (http1_request_read(&request, &scan, input, limits)) {
	case HTTP1_DONE:
		return HTTP1_FAULTLESS;
	case HTTP1_REFUSED:
		return request.fault;
	case HTTP1_MORE:
	case HTTP1_DATA:
		break;
	}
	return HTTP1_TRUNCATED;
}

#endif
