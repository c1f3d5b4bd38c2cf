/* SPDX-License-Identifier: Apache-2.0 */
/* ports - the published ports of sandboxes, for people: "127.0.0.1:8080->80, [::1]:8081->80". */
#ifndef CLI_PORTS_H
#define CLI_PORTS_H

#include <jansson.h>
#include <stdio.h>

#include "config/config.h"
#include "warden/state.h"

enum { PORTS_TOLD_MAX = 64 };

/* ports_read() - those of a sandbox that runs, as warden/publish.h has them; owned; NULL: no memory */
json_t *ports_read(int home, const struct state_entry *entry);

/* ports_text() - all of them into @ret; cut with "..." if there is no room; "" for none */
void ports_text(char *ret, size_t size, const json_t *ports);

/* Ports that a person was told of, once each. */
struct ports_told {
	size_t len;
	uint16_t ports[PORTS_TOLD_MAX];
};

/* ports_tell_auto() - a line for each that is published automatically, and was not told before;
 * @end: of a line, "\r\n" on a terminal that is raw */
void ports_tell_auto(FILE *out, const json_t *ports, struct ports_told *told, const char *end);

/* ports_tell() - a line for each of @ports that stands for one of @network whose number was left open */
void ports_tell(FILE *out, const json_t *ports, const struct config_network *network);

#endif
