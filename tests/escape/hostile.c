// SPDX-License-Identifier: Apache-2.0
#include "hostile.h"

#include <stdarg.h>
#include <time.h>

static const char *row;

static void line(const char *verdict, const char *value, const char *format, va_list args)
{
	char what[512];

	vsnprintf(what, sizeof(what), format, args);
	for (char *c = what; *c != '\0'; c++)
		if (*c == ' ')
			*c = '_';
	dprintf(STDOUT_FILENO, "%s %s %s %s\n", row, what, verdict, value);
}

bool tell(long result, const char *format, ...)
{
	const char *name = result < 0 ? strerrorname_np(errno) : NULL;
	char number[32];
	va_list args;

	snprintf(number, sizeof(number), "%ld", result);
	va_start(args, format);
	if (result < 0)
		line("refused", name != NULL ? name : "errno?", format, args);
	else
		line("allowed", number, format, args);
	va_end(args);
	return result >= 0;
}

bool tell_fd(long fd, const char *format, ...)
{
	const char *name = fd < 0 ? strerrorname_np(errno) : NULL;
	va_list args;

	va_start(args, format);
	line(fd < 0 ? "refused" : "allowed", fd < 0 ? name : "descriptor", format, args);
	va_end(args);
	if (fd >= 0)
		close((int)fd);
	return fd >= 0;
}

void see(const char *name, const char *format, ...)
{
	char text[2048], shown[4 * sizeof(text) + 1];
	char *to = shown;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (const char *c = text; *c != '\0'; c++)
		to += *c < ' ' || *c > '~' ? sprintf(to, "\\x%02x", (unsigned char)*c)
					   : sprintf(to, "%c", *c);
	*to = '\0';
	dprintf(STDOUT_FILENO, "%s %s is %s\n", row, name, shown);
}

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	const struct command *const tables[] = { kernel_commands, file_commands, net_commands,
						 limit_commands };

	if (argc < 2) {
		dprintf(STDERR_FILENO, "usage: hostile ROW [ARG]...\n");
		return 2;
	}
	row = argv[1];
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct command *c = tables[i]; c->name != NULL; c++)
			if (strcmp(c->name, argv[1]) == 0)
				return c->run(argc - 1, argv + 1);
	dprintf(STDERR_FILENO, "hostile: there is no row %s\n", argv[1]);
	return 2;
}
