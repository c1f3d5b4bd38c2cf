// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>

#include "base/base.h"

int diag_set(struct diag *diag, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(diag->why, sizeof(diag->why), format, args);
	va_end(args);
	return error;
}
