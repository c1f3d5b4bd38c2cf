// SPDX-License-Identifier: Apache-2.0
#include "learn/hosts.h"

#include <libpsl.h>
#include <stdio.h>

#include "net/name.h"

/* Below these anybody has names, or a service of everybody's has, whatever the list says of them. */
static const char *const shared[] = {
	"akamaiedge.net",
	"akamaihd.net",
	"akamaized.net",
	"aliyuncs.com",
	"amazonaws.com",
	"amplifyapp.com",
	"appspot.com",
	"atlassian.net",
	"auth0.com",
	"azure-api.net",
	"azure.com",
	"azureedge.net",
	"azurefd.net",
	"azurewebsites.net",
	"b-cdn.net",
	"backblazeb2.com",
	"blogspot.com",
	"cdn77.org",
	"cloudapp.net",
	"cloudflare.net",
	"cloudflarestorage.com",
	"cloudfront.net",
	"cloudfunctions.net",
	"core.windows.net",
	"deno.dev",
	"digitaloceanspaces.com",
	"edgekey.net",
	"edgesuite.net",
	"fastly.net",
	"firebaseapp.com",
	"firebaseio.com",
	"fly.dev",
	"github.dev",
	"github.io",
	"githubusercontent.com",
	"gitlab.io",
	"glitch.me",
	"googleapis.com",
	"googleusercontent.com",
	"herokuapp.com",
	"herokudns.com",
	"hf.space",
	"linodeobjects.com",
	"medium.com",
	"modal.run",
	"myqcloud.com",
	"myshopify.com",
	"netlify.app",
	"ngrok-free.app",
	"ngrok-free.dev",
	"ngrok.app",
	"ngrok.dev",
	"ngrok.io",
	"nip.io",
	"notion.site",
	"now.sh",
	"okta.com",
	"onrender.com",
	"oraclecloud.com",
	"pages.dev",
	"r2.dev",
	"railway.app",
	"readthedocs.io",
	"repl.co",
	"replit.app",
	"replit.dev",
	"run.app",
	"s3.amazonaws.com",
	"sentry.io",
	"sharepoint.com",
	"slack.com",
	"sslip.io",
	"substack.com",
	"supabase.co",
	"surge.sh",
	"trafficmanager.net",
	"trycloudflare.com",
	"tumblr.com",
	"vercel.app",
	"wasabisys.com",
	"web.app",
	"windows.net",
	"wordpress.com",
	"workers.dev",
	"zendesk.com",
};

struct span hosts_domain(struct span host)
{
	char name[NET_NAME_OCTETS];
	const struct span none = { 0 };

	if (host.len == 0 || host.len >= sizeof(name))
		return none;
	memcpy(name, host.ptr, host.len);
	name[host.len] = '\0';
	const char *domain = psl_registrable_domain(psl_builtin(), name);
	if (domain == NULL)
		return none;
	const struct span ret = span_drop(host, (size_t)(domain - name));
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++)
		if (span_is(ret, shared[i]) || hosts_is_below(ret, span_of(shared[i])))
			return none;
	return ret;
}

struct span hosts_common(struct span one, struct span other)
{
	size_t same = 0, whole = 0; /* octets; of whole labels */

	while (same < one.len && same < other.len &&
	       one.ptr[one.len - 1 - same] == other.ptr[other.len - 1 - same]) {
		if (one.ptr[one.len - 1 - same] == '.')
			whole = same;
		same++;
	}
	if ((same == one.len || one.ptr[one.len - 1 - same] == '.') &&
	    (same == other.len || other.ptr[other.len - 1 - same] == '.'))
		whole = same;
	return span_drop(one, one.len - whole);
}

bool hosts_is_below(struct span host, struct span domain)
{
	return domain.len > 0 && host.len > domain.len + 1 &&
	       host.ptr[host.len - domain.len - 1] == '.' &&
	       memcmp(host.ptr + host.len - domain.len, domain.ptr, domain.len) == 0;
}
