/* SPDX-License-Identifier: Apache-2.0 */
/* ended - how a request ended, in the words of wire/gate.h. */
#ifndef GATEWAY_ENDED_H
#define GATEWAY_ENDED_H

#include "gateway/exchange1.h"

/* ended_fill() - an END_REQUEST of the request @id; its data is valid until the next call */
void ended_fill(struct gate_message *message, uint32_t id, const struct exchange1_end *end);

#endif
