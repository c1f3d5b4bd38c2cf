/* SPDX-License-Identifier: Apache-2.0 */
/* advice - what to do about a refusal: the option, or the line of immure.yaml, that would allow it. */
#ifndef CLI_ADVICE_H
#define CLI_ADVICE_H

#include <jansson.h>
#include <stdio.h>

/* advice_print() - lines, each after @indent blanks. @refusal: as refusals_read() has it */
void advice_print(FILE *out, const json_t *refusal, int indent);

/* advice_word() - @text as a word of a shell's command line; nothing in it can end the word, nor act
 * on a terminal */
void advice_word(FILE *out, const char *text);

#endif
