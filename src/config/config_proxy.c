// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: the text of a proxy may hold a password, so the schema keeps it from the tree,
 * which is shown, as it does with secrets. It is taken from the tree as given; the one that is shown
 * gets what is left of it without user and password.
 */
#include <errno.h>
#include <stdlib.h>

#include "config/config_priv.h"
#include "net/proxy.h"

const char *config_proxy_fault(const char *text)
{
	struct proxy proxy = { 0 };
	const char *fault = NULL;

	if (strcmp(text, CONFIG_PROXY_NONE) == 0)
		return NULL;
	fault = proxy_parse(&proxy, span_of(text));
	explicit_bzero(&proxy, sizeof(proxy));
	return fault;
}

/* shown() - @text without user and password; owned */
static json_t *shown(const char *text)
{
	const char *at = strrchr(text, '@');

	return at == NULL ? json_string(text) : json_sprintf("http://%s", at + 1);
}

int config_proxy_fill(struct config_network *network, const json_t *given, json_t *tree)
{
	const char *text = json_string_value(given);

	if (text == NULL)
		return 0;
	network->proxy = strdup(text);
	if (network->proxy == NULL || json_object_set_new(tree, "proxy", shown(text)) < 0)
		return -ENOMEM;
	return 0;
}

void config_proxy_free(struct config_network *network)
{
	if (network->proxy != NULL)
		explicit_bzero(network->proxy, strlen(network->proxy));
	free(network->proxy);
}
