/* SPDX-License-Identifier: Apache-2.0 */
/* render - the table as text: for people, for man(1), for shells. */
#ifndef CLI_RENDER_H
#define CLI_RENDER_H

#include "cli/cli.h"

void render_help(FILE *out, const struct cli_command *command);
void render_overview(FILE *out); /* `immure --help` */
void render_man(FILE *out);      /* immure(1) in mdoc(7) */
void render_bash(FILE *out);
void render_zsh(FILE *out);
void render_fish(FILE *out);

#endif
