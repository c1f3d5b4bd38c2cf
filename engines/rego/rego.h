/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rego - policies in Rego, as Open Policy Agent has them: load modules, bundles and data, ask questions.
 *
 * An engine holds modules and a data document; an input is set for each question. Loading is slow and
 * asking is quick, so load one engine and keep it, or hand out clones: they share what was loaded.
 *
 * All text is UTF-8, given as pointer and length, borrowed for the call alone. Errors are 0 or a
 * negative errno; *error, which may be NULL, then says why for people. *ret is written on success alone.
 *
 *   -EINVAL           this text is no module, bundle, JSON, query or path; or the evaluation failed
 *   -ENODATA          the rule or query is undefined: it has no value. Nothing is wrong
 *   -ETIMEDOUT        it took longer than eval_ms
 *   -EFBIG            larger, more or deeper than a limit
 *   -EEXIST           data or a module is there already; roots of two bundles overlap
 *   -EBADMSG          the bundle's signature is missing or wrong
 *   -ENOTRECOVERABLE  the engine broke (a panic, which is a bug of it). Every later call says so:
 *                     deny, free it, and clone the one that it came from
 *
 * What the limits do not stop. The clock is looked at between steps of rules: one call of a builtin
 * function, such as a regex over a long text, ends first. There is none of memory: who allocates without
 * end is killed as any process. There is none of the depth of rules: a chain of some thousands overflows
 * the stack (functions that call themselves are refused). Loading has no clock: it takes the square of a
 * module's imports, and of the statements in a body (5,000 of the one or the other: 2 s). All this is the
 * policy's doing, and who may load a policy decides what is allowed anyway; input is bounded, and adds no
 * calls to a policy.
 *
 * What the parser could not bear is refused before it reads it, in modules and queries: brackets deeper
 * than 16, more than 32 signs in front of operands in each other, more than 1,000 operators and dots in
 * an expression, literals in each other that it would read 4 million tokens for; and numbers, in all
 * text and JSON, of more than 400 digits or an exponent beyond 400.
 *
 * Loading and asking may write a remark to stderr, with some text of the policy: the interpreter does so
 * itself, of policies that are faulty. Close stderr or lead it elsewhere if that must not be seen.
 *
 * An engine and all its clones belong to one thread. There is no other I/O: http.send is undefined,
 * print() is collected, and opa.runtime() tells nothing of this process.
 */
#ifndef ENGINES_REGO_REGO_H
#define ENGINES_REGO_REGO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef MUST_USE
#define MUST_USE __attribute__((warn_unused_result))
#endif

struct rego;

enum {
	REGO_FILE_OCTETS = 160,
	REGO_WHY_OCTETS = 640,
	REGO_DEPTH_MAX = 100, /* arrays and objects in each other, in JSON that comes or goes */
};

/* Why something was refused. What is too long is cut. */
struct rego_error {
	unsigned line, column;       /* from 1; 0: no position */
	char file[REGO_FILE_OCTETS]; /* the module's name, or the file in a bundle; "": none */
	char why[REGO_WHY_OCTETS];
};

struct rego_limits {
	uint32_t eval_ms;        /* of one evaluation, compiling what is new included */
	size_t modules_max;      /* of one engine */
	size_t module_octets;    /* of one module; a line may have 65536 */
	size_t data_octets;      /* of one JSON text for the data */
	size_t input_octets;     /* of the input's JSON text */
	size_t query_octets;     /* of a query or path */
	size_t result_octets;    /* of a result's JSON text */
	size_t print_octets;     /* that are kept of what print() wrote in one evaluation */
	size_t bundle_octets;    /* of a bundle as it comes */
	size_t unpacked_octets;  /* of all in it */
	size_t bundle_files_max; /* in it, folders included */
};

/* Text that the caller owns: rego_text_free(). Not NUL-terminated; ptr is NULL if octets is 0. */
struct rego_text {
	char *ptr;
	size_t octets;
};

/* With what the signature of a bundle is checked. */
struct rego_key {
	/* As the signature names it; "": whatever it says. Some keys may have the same. */
	const char *id;
	/* HS256, RS256, PS256, ES256, likewise 384, HS512, RS512, PS512, EdDSA */
	const char *algorithm;
	/* PEM: PUBLIC KEY, RSA PUBLIC KEY, CERTIFICATE; of HS*: the secret itself; never "" */
	const char *key;
	/* Must be the signature's; "": none. */
	const char *scope;
};

/* rego_limits_default() - what a warden can afford: a second, modules of 1 MiB, bundles of 64 MiB */
void rego_limits_default(struct rego_limits *ret);

/**
 * rego_new() - an engine without modules, its data an empty object
 * @ret: owned by the caller
 * @limits: hold for it and its clones; NULL: the default
 */
MUST_USE int rego_new(struct rego **ret, const struct rego_limits *limits);

/* rego_clone() - another with the same modules, data, roots and limits, but no input and no coverage */
MUST_USE int rego_clone(struct rego **ret, const struct rego *from, struct rego_error *error);

void rego_free(struct rego *rego); /* NULL is fine */
void rego_text_free(struct rego_text *text);

/* rego_version() - "regorus 0.14.1"; static */
const char *rego_version(void);

/**
 * rego_add_module() - load a policy in Rego v1
 * @name: what errors, print() and coverage call it; a second of that name is -EEXIST
 *
 * What is wrong with its syntax is said now; what does not fit the other modules, at the first question.
 */
MUST_USE int rego_add_module(struct rego *rego, const char *name, size_t name_octets,
			     const char *text, size_t text_octets, struct rego_error *error);

/**
 * rego_load_bundle() - load a bundle of OPA's: .tar.gz with .manifest, data.json, data.yaml and .rego files
 * @keys: if any, it must be signed with one of them; if none, a signature is not looked at
 *
 * All or nothing. Modules and data outside its roots, roots that overlap another bundle's, names with
 * "..", links, devices, Wasm, plans and deltas are refused.
 */
MUST_USE int rego_load_bundle(struct rego *rego, const char *octets, size_t octets_len,
			      const struct rego_key *keys, size_t keys_len,
			      struct rego_error *error);

/* rego_set_data() - the whole data document anew, as an object; that of bundles is gone, too */
MUST_USE int rego_set_data(struct rego *rego, const char *json, size_t octets,
			   struct rego_error *error);

/* rego_merge_data() - add to the data document; -EEXIST: something else is at that place. All or nothing */
MUST_USE int rego_merge_data(struct rego *rego, const char *json, size_t octets,
			     struct rego_error *error);

/* rego_set_input() - of the next questions; octets 0: none, `input` is undefined */
MUST_USE int rego_set_input(struct rego *rego, const char *json, size_t octets,
			    struct rego_error *error);

/* rego_set_strict() - does an error in a builtin function end the evaluation, or is the call undefined, as
 * OPA has it and as a new engine does? */
MUST_USE int rego_set_strict(struct rego *rego, bool strict, struct rego_error *error);

/**
 * rego_eval_rule() - the value of a rule, as JSON
 * @path: data.package.rule; a part that is no name is written ["so"]
 *
 * The quick way. Of a package, a rule that is not there, or part of a rule's value: rego_eval_query().
 */
MUST_USE int rego_eval_rule(struct rego_text *ret, struct rego *rego, const char *path,
			    size_t octets, struct rego_error *error);

/* rego_eval_query() - {"result": [{"expressions": [...], "bindings": {...}}]}, as OPA's REST API has it */
MUST_USE int rego_eval_query(struct rego_text *ret, struct rego *rego, const char *query,
			     size_t octets, struct rego_error *error);

/* rego_prints() - what print() wrote in the last evaluation: lines "file:line: text" */
MUST_USE int rego_prints(struct rego_text *ret, const struct rego *rego, struct rego_error *error);

/* rego_set_coverage() - count from now which lines are evaluated, or stop; costs time */
MUST_USE int rego_set_coverage(struct rego *rego, bool on, struct rego_error *error);

/* rego_coverage() - {"files": [{"path": ..., "covered": [lines], "not_covered": [lines]}]} */
MUST_USE int rego_coverage(struct rego_text *ret, const struct rego *rego,
			   struct rego_error *error);

#endif
