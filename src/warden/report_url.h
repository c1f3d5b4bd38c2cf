/* SPDX-License-Identifier: Apache-2.0 */
/* report_url - what a report is about, as a URL: for events and for the audit log. */
#ifndef WARDEN_REPORT_URL_H
#define WARDEN_REPORT_URL_H

#include "warden/egress.h"
#include "wire/gate.h"

enum { REPORT_URL_OCTETS = NET_NAME_OCTETS + 64 + GATE_DATA_OCTETS_MAX };

/*
 * report_url() - "tcp://[2001:db8::1]:443", "https://example.com/path", "udp://192.0.2.1:443",
 * "icmp://192.0.2.1" or "dns://example.com". Return: its length
 */
size_t report_url(char ret[REPORT_URL_OCTETS], const struct egress_report *report);

#endif
