// SPDX-License-Identifier: Apache-2.0
#include "wire/substitution.h"

#include <errno.h>

const char *substitution_value_fault(struct span value)
{
	if (value.len < SUBSTITUTION_VALUE_OCTETS_MIN)
		return "it is shorter than 4 octets, and would be found by chance";
	if (value.len > SUBSTITUTION_VALUE_OCTETS_MAX)
		return "it is longer than 8 KiB";
	if (value.ptr[0] == ' ' || value.ptr[value.len - 1] == ' ')
		return "it begins or ends with a blank";
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];

		if (c == '\r' || c == '\n')
			return "it holds a line break";
		if (c < ' ' || c == 0x7f)
			return "it holds a control character";
	}
	if (memmem(value.ptr, value.len, SUBSTITUTION_PREFIX, SUBSTITUTION_PREFIX_OCTETS) != NULL)
		return "it holds what only placeholders hold, " SUBSTITUTION_PREFIX;
	return NULL;
}

bool substitution_is_placeholder(struct span text)
{
	if (text.len != SUBSTITUTION_PLACEHOLDER_OCTETS ||
	    memcmp(text.ptr, SUBSTITUTION_PREFIX, SUBSTITUTION_PREFIX_OCTETS) != 0)
		return false;
	for (size_t i = SUBSTITUTION_PREFIX_OCTETS; i < text.len; i++)
		if (memchr("0123456789abcdef", text.ptr[i], 16) == NULL)
			return false;
	return true;
}

/* is_new() - is the last one sound, and like none before? */
static bool is_new(const struct substitutions *list, size_t last)
{
	const struct substitution *one = &list->at[last];

	if (one->where == 0 || (one->where & ~(unsigned)SUBSTITUTION_ANYWHERE) != 0 ||
	    !substitution_is_placeholder(one->placeholder) ||
	    substitution_value_fault(one->value) != NULL)
		return false;
	for (size_t i = 0; i < last; i++)
		if (memcmp(list->at[i].placeholder.ptr, one->placeholder.ptr,
			   SUBSTITUTION_PLACEHOLDER_OCTETS) == 0)
			return false;
	return true;
}

int substitutions_encode(size_t *ret_len, char *ret, size_t size, const struct substitutions *list)
{
	size_t len = 0;

	if (list->count > SUBSTITUTIONS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < list->count; i++) {
		const struct substitution *one = &list->at[i];

		if (!is_new(list, i))
			return -EINVAL;
		if (size - len < SUBSTITUTION_HEAD_OCTETS + one->value.len)
			return -ENOBUFS;
		ret[len] = (char)one->where;
		ret[len + 1] = (char)(one->value.len & 0xff);
		ret[len + 2] = (char)(one->value.len >> 8);
		memcpy(ret + len + 3, one->placeholder.ptr, SUBSTITUTION_PLACEHOLDER_OCTETS);
		len += SUBSTITUTION_HEAD_OCTETS;
		memcpy(ret + len, one->value.ptr, one->value.len);
		len += one->value.len;
	}
	*ret_len = len;
	return 0;
}

int substitutions_decode(struct substitutions *ret, struct span data)
{
	struct substitutions list = { 0 };

	while (data.len > 0) {
		struct substitution *one = &list.at[list.count];

		if (list.count == SUBSTITUTIONS_MAX || data.len < SUBSTITUTION_HEAD_OCTETS)
			return -EPROTO;
		size_t len = (uint8_t)data.ptr[1] | (size_t)(uint8_t)data.ptr[2] << 8;
		*one = (struct substitution){
			.where = (uint8_t)data.ptr[0],
			.placeholder = { data.ptr + 3, SUBSTITUTION_PLACEHOLDER_OCTETS },
		};
		data = span_drop(data, SUBSTITUTION_HEAD_OCTETS);
		if (data.len < len)
			return -EPROTO;
		one->value = (struct span){ data.ptr, len };
		data = span_drop(data, len);
		if (!is_new(&list, list.count++))
			return -EPROTO;
	}
	*ret = list;
	return 0;
}
