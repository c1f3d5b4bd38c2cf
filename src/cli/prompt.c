// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: questions stand in a line, and the first is on the screen. The terminal is put into a
 * mode in which a single key can be read, which throws away what was typed before; keys count once SETTLE_NS
 * have passed, as somebody may be typing something else. A key answers by sandbox_reply(), upon which
 * prompt_settled() takes the question off the line, as it does when somebody else was quicker.
 */
#include "cli/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/print.h"
#include "warden/decider_cache.h"

static const int64_t SETTLE_NS = 300000000;

struct prompt_question {
	struct prompt_question *next;
	uint32_t id, pid;
	unsigned seconds;
	uint16_t port;
	bool http, https, websocket;
	char app[65], host[256], method[33], target[DECIDER_CACHE_KEY_OCTETS];
	char program[PROMPT_SHOWN_OCTETS], why[PROMPT_SHOWN_OCTETS];
};

static const struct {
	char key;
	enum consent_answer answer;
	const char *offer, *done;
} keys[] = {
	{ 'y', CONSENT_ONCE, "once", "yes, this time" },
	{ 'r', CONSENT_RUN, "for this run", "yes, for this run" },
	{ 'a', CONSENT_ALWAYS, "always", "yes, always" },
	{ 'n', CONSENT_DENY, "no", "no" },
	{ 'd', CONSENT_DENY_ALWAYS, "never", "no, never" },
};

/* copy() - what fits, with "..." if it is cut */
static void copy(char *ret, size_t size, struct span text)
{
	bool cut = text.len >= size;
	size_t len = cut ? size - 4 : text.len;

	if (len > 0)
		memcpy(ret, text.ptr, len);
	memcpy(ret + len, cut ? "..." : "", cut ? 4 : 1);
}

static struct prompt_question *question_new(const struct consent_question *from)
{
	struct prompt_question *question = calloc(1, sizeof(*question));

	if (question == NULL)
		return NULL;
	question->id = from->id;
	question->pid = from->pid;
	question->seconds = from->seconds;
	question->port = from->port;
	question->http = from->method.len > 0;
	question->https = from->https;
	question->websocket = from->websocket;
	copy(question->app, sizeof(question->app), span_of(from->app));
	copy(question->host, sizeof(question->host), span_of(from->host));
	copy(question->method, sizeof(question->method), from->method);
	copy(question->target, sizeof(question->target), from->target);
	copy(question->program, sizeof(question->program), from->program);
	copy(question->why, sizeof(question->why), span_of(from->why));
	return question;
}

/* put_who() - the program's name is its own choice: it stands in quotes, behind what is asked */
static void put_who(FILE *out, const struct prompt_question *question)
{
	if (question->pid == 0)
		return;
	fputs("asked for by \"", out);
	print_safe(out, question->program);
	fprintf(out, "\", PID %u; ", question->pid);
}

static void put_what(FILE *out, const struct prompt_question *question)
{
	if (question->http) {
		print_safe(out, question->websocket ? "talk by WebSocket to" : question->method);
		fprintf(out, " %s%s://", question->websocket ? "ws" : "http",
			question->https ? "s" : "");
		print_safe(out, question->host);
		fprintf(out, ":%u", question->port);
		print_safe(out, question->target);
	} else {
		fputs("reach ", out);
		print_safe(out, question->host);
		fprintf(out, " port %u, by any protocol over TCP", question->port);
	}
}

static void put_question(FILE *out, const struct prompt_question *question)
{
	const char *between = "  ";

	fputs("\r\nimmure: ", out);
	print_safe(out, question->app[0] != '\0' ? question->app : "the program");
	fputs(" wants to ", out);
	put_what(out, question);
	fputs("\r\n  (", out);
	put_who(out, question);
	print_safe(out, question->why);
	fputs(")\r\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++, between = ", ")
		fprintf(out, "%s[%c] %s", between, keys[i].key, keys[i].offer);
	fprintf(out, "; no answer in %u seconds means no: ", question->seconds);
	(void)fflush(out);
}

/* open_terminal() - Return: is there one, and may we read it? */
static bool open_terminal(struct prompt *prompt)
{
	if (prompt->fd >= 0)
		return tcgetpgrp(prompt->fd) == getpgrp();
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return false;
	int copy_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	prompt->out = copy_fd >= 0 ? fdopen(copy_fd, "w") : NULL;
	if (prompt->out == NULL) {
		fd_close(&copy_fd);
		fd_close(&fd);
		return false;
	}
	prompt->fd = fd;
	return tcgetpgrp(prompt->fd) == getpgrp();
}

/* hide() - the question on the screen; the terminal is as it was */
static void hide(struct prompt *prompt)
{
	if (!prompt->showing)
		return;
	prompt->showing = false;
	loop_disarm(&prompt->settle);
	loop_remove(&prompt->keys);
	(void)tcsetattr(prompt->fd, TCSADRAIN, &prompt->saved);
	prompt->shown(prompt->context, false);
}

/* answer() - the question on the screen */
static void answer(struct prompt *prompt, enum consent_answer given)
{
	if (sandbox_reply(prompt->sandbox, prompt->first->id, given, "terminal") < 0)
		prompt_settled(prompt, prompt->first->id, given, "");
}

static void on_key(struct loop_source *source, uint32_t events)
{
	struct prompt *prompt = container_of(source, struct prompt, keys);
	char key = 0;
	ssize_t n = read(prompt->fd, &key, 1);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) { /* the terminal is gone */
		answer(prompt, CONSENT_DENY);
		return;
	}
	if (prompt->settle.deadline_ns != 0)
		return; /* meant for the program */
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].key == key) {
			answer(prompt, keys[i].answer);
			return;
		}
}

static void settled_down(struct loop_timer *timer)
{
	(void)timer; /* that it is armed no more is all */
}

/* show() - the first. Return: could it be? */
static bool show(struct prompt *prompt)
{
	struct loop *loop = sandbox_loop(prompt->sandbox);
	struct termios one_key;

	if (!open_terminal(prompt) || tcgetattr(prompt->fd, &prompt->saved) < 0)
		return false;
	prompt->shown(prompt->context, true);
	one_key = prompt->saved;
	one_key.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
	one_key.c_lflag |= ISIG;
	one_key.c_cc[VMIN] = 1;
	one_key.c_cc[VTIME] = 0;
	prompt->showing = true;
	prompt->keys.ready = on_key;
	prompt->settle.fired = settled_down;
	if (tcsetattr(prompt->fd, TCSAFLUSH, &one_key) < 0 ||
	    loop_add(loop, &prompt->keys, prompt->fd, EPOLLIN) < 0) {
		hide(prompt);
		return false;
	}
	loop_arm(loop, &prompt->settle, SETTLE_NS);
	put_question(prompt->out, prompt->first);
	return true;
}

bool prompt_ask(struct prompt *prompt, const struct consent_question *from)
{
	struct prompt_question **end = &prompt->first;
	struct prompt_question *question = open_terminal(prompt) ? question_new(from) : NULL;

	if (question == NULL)
		return false;
	while (*end != NULL)
		end = &(*end)->next;
	*end = question;
	if (prompt->showing || show(prompt))
		return true;
	*end = NULL;
	free(question);
	return false;
}

/* tell() - how it went */
static void tell(struct prompt *prompt, enum consent_answer given, const char *by)
{
	const char *text = given == CONSENT_NONE ? "no answer: no" : consent_answer_name(given);

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].answer == given)
			text = keys[i].done;
	fputs(text, prompt->out);
	if (*by != '\0' && strcmp(by, "terminal") != 0)
		fprintf(prompt->out, " (by %s)", by);
	fputs("\r\n", prompt->out);
	(void)fflush(prompt->out);
}

/* show_next() - those that cannot be shown any more are denied */
static void show_next(struct prompt *prompt)
{
	while (prompt->first != NULL && !prompt->showing && !show(prompt)) {
		struct prompt_question *question = prompt->first;
		uint32_t id = question->id;

		prompt->first = question->next;
		free(question);
		/* answered by somebody else meanwhile: fine */
		(void)!sandbox_reply(prompt->sandbox, id, CONSENT_DENY, "terminal");
	}
}

void prompt_settled(struct prompt *prompt, uint32_t id, enum consent_answer given, const char *by)
{
	struct prompt_question **at = &prompt->first;

	while (*at != NULL && (*at)->id != id)
		at = &(*at)->next;
	struct prompt_question *question = *at;
	if (question == NULL)
		return;
	bool on_screen = question == prompt->first && prompt->showing;
	if (on_screen) {
		tell(prompt, given, by);
		hide(prompt);
	}
	*at = question->next;
	free(question);
	if (on_screen)
		show_next(prompt);
}

void prompt_close(struct prompt *prompt)
{
	hide(prompt);
	while (prompt->first != NULL) {
		struct prompt_question *question = prompt->first;

		prompt->first = question->next;
		free(question);
	}
	if (prompt->out != NULL)
		(void)fclose(prompt->out);
	prompt->out = NULL;
	fd_close(&prompt->fd);
}
