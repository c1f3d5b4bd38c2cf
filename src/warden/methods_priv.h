/* SPDX-License-Identifier: Apache-2.0 */
/*
 * methods_priv - the functions behind the method table. Each runs once its call was admitted: its
 * params are of the row's keys and types, and the sandbox runs where the row says so. Each finishes
 * its call exactly once, now or later. @context: the server.
 */
#ifndef WARDEN_METHODS_PRIV_H
#define WARDEN_METHODS_PRIV_H

#include "warden/server_priv.h"

/* methods_program.c */
void method_exec(void *context, struct rpc_call *call, json_t *params);
void method_exec_stream(void *context, struct rpc_call *call, json_t *params);
void method_stdin(void *context, struct rpc_call *call, json_t *params);
void method_resize(void *context, struct rpc_call *call, json_t *params);
void method_kill(void *context, struct rpc_call *call, json_t *params);
void method_cancel(void *context, struct rpc_call *call, json_t *params);
void method_attach(void *context, struct rpc_call *call, json_t *params);

/* methods_consent.c */
void method_consent_reply(void *context, struct rpc_call *call, json_t *params);
void method_set_mode(void *context, struct rpc_call *call, json_t *params);

/* methods_file.c */
void method_write_file(void *context, struct rpc_call *call, json_t *params);
void method_read_file(void *context, struct rpc_call *call, json_t *params);
void method_list_files(void *context, struct rpc_call *call, json_t *params);

#endif
