// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: as capture_lo.c sends all packets through lo, each meets two hooks: output,
 * which judges, since a refusal there is an error of the sender's own system call; then prerouting,
 * which hands TCP to our listener. Both drop what no rule accepts. Chains for input and forward
 * would see nothing more: what passes prerouting is addressed to this host by route.
 *
 * In nft's language:
 *
 *	table inet immure {
 *		chain own {
 *			meta mark CAPTURE_MARK accept
 *			ip daddr 127.0.0.0/8 accept
 *			ip daddr CAPTURE_ADDR4 accept
 *			ip6 daddr ::1 accept
 *			ip6 daddr CAPTURE_ADDR6 accept
 *		}
 *		chain output {
 *			type filter hook output priority 0; policy drop;
 *			jump own
 *			meta l4proto tcp accept
 *			udp dport 53 accept
 *			limit rate CAPTURE_LOG_RATE/second burst CAPTURE_LOG_BURST packets log group
 *				CAPTURE_LOG_GROUP snaplen CAPTURE_LOG_OCTETS queue-threshold 1
 *			meta l4proto udp reject with icmpx type port-unreachable
 *			reject with icmpx type admin-prohibited
 *		}
 *		chain prerouting {
 *			type filter hook prerouting priority mangle; policy drop;
 *			jump own
 *			meta l4proto tcp tproxy to :CAPTURE_TCP_PORT accept
 *			meta l4proto tcp reject with tcp reset
 *			udp dport 53 accept
 *		}
 *	}
 *
 * A kernel without nfnetlink_log goes without the log rule.
 *
 * The order in prerouting matters: without "own" first, SYN-ACKs would go to our listener. The mark
 * does for peers on borrowed addresses what the addresses do for all others. tproxy does not match
 * when nobody listens any more: the reset makes that visible.
 *
 * Expressions and their attributes: linux/netfilter/nf_tables.h; big-endian numbers.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include "jail/capture.h"
#include "jail/capture_priv.h"
#include "jail/netlink.h"

#define TABLE "immure"

enum {
	PRIORITY_MANGLE =
	    -150,           /* NF_IP_PRI_MANGLE in linux/netfilter_ipv4.h: where TPROXY belongs */
	DADDR4_OFFSET = 16, /* in the IPv4 header */
	DADDR6_OFFSET = 24, /* in the IPv6 header */
	DPORT_OFFSET = 2,   /* in the UDP header */
};

struct chain {
	const char *stage, *name;
	int hook; /* NF_INET_*; -1: only jumped to */
	int priority;
};

enum action {
	DO_DROP,
	DO_ACCEPT,
	DO_TPROXY,
	DO_JUMP_OWN,
	DO_LOG, /* and go on with the next rule */
	DO_RESET,
	DO_PORT_UNREACH,
	DO_PROHIBIT,
};

const char CAPTURE_LOG_STAGE[] = "nft log rule";

/* One rule: all that is set must match, then @action is taken. */
struct rule {
	const char *stage, *chain;
	enum action action;
	uint8_t nfproto;   /* NFPROTO_*; 0: either */
	uint8_t l4proto;   /* IPPROTO_*; 0: any */
	bool marked;       /* CAPTURE_MARK */
	uint8_t value_len; /* octets to compare at @offset of the header @base; 0: none */
	uint8_t base;      /* enum nft_payload_bases */
	uint8_t offset;
	const void *value;
};

/* put_head() - begin an nf_tables request */
static void put_head(struct nl_batch *batch, unsigned type, unsigned flags, const char *stage)
{
	struct nfgenmsg head = { .nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0 };

	nl_request(batch, NFNL_SUBSYS_NFTABLES << 8 | type, flags, stage, &head, sizeof(head));
}

/* put_mark() - begin or end the transaction: all that lies between takes effect, or nothing */
static void put_mark(struct nl_batch *batch, unsigned type)
{
	struct nfgenmsg head = { .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES) };

	nl_request(batch, type, 0, "nft transaction", &head, sizeof(head));
}

static void put_chain(struct nl_batch *batch, const struct chain *chain)
{
	put_head(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE, chain->stage);
	nl_put_text(batch, NFTA_CHAIN_TABLE, TABLE);
	nl_put_text(batch, NFTA_CHAIN_NAME, chain->name);
	if (chain->hook < 0)
		return;
	nl_put_text(batch, NFTA_CHAIN_TYPE, "filter");
	nl_put_be32(batch, NFTA_CHAIN_POLICY, NF_DROP);
	size_t hook = nl_nest(batch, NFTA_CHAIN_HOOK);
	nl_put_be32(batch, NFTA_HOOK_HOOKNUM, (uint32_t)chain->hook);
	nl_put_be32(batch, NFTA_HOOK_PRIORITY, (uint32_t)chain->priority);
	nl_nest_end(batch, hook);
}

/* An expression is a list element that holds its name and a nest of data. */
struct expr {
	size_t element, data;
};

static struct expr expr_begin(struct nl_batch *batch, const char *name)
{
	struct expr e;

	e.element = nl_nest(batch, NFTA_LIST_ELEM);
	nl_put_text(batch, NFTA_EXPR_NAME, name);
	e.data = nl_nest(batch, NFTA_EXPR_DATA);
	return e;
}

static void expr_end(struct nl_batch *batch, struct expr e)
{
	nl_nest_end(batch, e.data);
	nl_nest_end(batch, e.element);
}

/* put_compare() - go on with the rule only if the register equals @value */
static void put_compare(struct nl_batch *batch, const void *value, size_t len)
{
	struct expr e = expr_begin(batch, "cmp");

	nl_put_be32(batch, NFTA_CMP_SREG, NFT_REG_1);
	nl_put_be32(batch, NFTA_CMP_OP, NFT_CMP_EQ);
	size_t data = nl_nest(batch, NFTA_CMP_DATA);
	nl_put(batch, NFTA_DATA_VALUE, value, len);
	nl_nest_end(batch, data);
	expr_end(batch, e);
}

static void put_meta(struct nl_batch *batch, enum nft_meta_keys key, const void *value, size_t len)
{
	struct expr e = expr_begin(batch, "meta");

	nl_put_be32(batch, NFTA_META_KEY, key);
	nl_put_be32(batch, NFTA_META_DREG, NFT_REG_1);
	expr_end(batch, e);
	put_compare(batch, value, len);
}

static void put_payload(struct nl_batch *batch, const struct rule *rule)
{
	struct expr e = expr_begin(batch, "payload");

	nl_put_be32(batch, NFTA_PAYLOAD_DREG, NFT_REG_1);
	nl_put_be32(batch, NFTA_PAYLOAD_BASE, rule->base);
	nl_put_be32(batch, NFTA_PAYLOAD_OFFSET, rule->offset);
	nl_put_be32(batch, NFTA_PAYLOAD_LEN, rule->value_len);
	expr_end(batch, e);
	put_compare(batch, rule->value, rule->value_len);
}

/* put_verdict() - @chain: where to, for NFT_JUMP; else NULL */
static void put_verdict(struct nl_batch *batch, int code, const char *chain)
{
	struct expr e = expr_begin(batch, "immediate");

	nl_put_be32(batch, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	size_t data = nl_nest(batch, NFTA_IMMEDIATE_DATA);
	size_t verdict = nl_nest(batch, NFTA_DATA_VERDICT);
	nl_put_be32(batch, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain != NULL)
		nl_put_text(batch, NFTA_VERDICT_CHAIN, chain);
	nl_nest_end(batch, verdict);
	nl_nest_end(batch, data);
	expr_end(batch, e);
}

/* put_tproxy() - give the packet to our listener; without a family it serves both */
static void put_tproxy(struct nl_batch *batch)
{
	uint16_t port = htons(CAPTURE_TCP_PORT);
	struct expr e = expr_begin(batch, "immediate");

	nl_put_be32(batch, NFTA_IMMEDIATE_DREG, NFT_REG_1);
	size_t data = nl_nest(batch, NFTA_IMMEDIATE_DATA);
	nl_put(batch, NFTA_DATA_VALUE, &port, sizeof(port));
	nl_nest_end(batch, data);
	expr_end(batch, e);

	e = expr_begin(batch, "tproxy");
	nl_put_be32(batch, NFTA_TPROXY_FAMILY, NFPROTO_UNSPEC);
	nl_put_be32(batch, NFTA_TPROXY_REG_PORT, NFT_REG_1);
	expr_end(batch, e);
}

static void put_reject(struct nl_batch *batch, enum nft_reject_types type, uint8_t code)
{
	struct expr e = expr_begin(batch, "reject");

	nl_put_be32(batch, NFTA_REJECT_TYPE, type);
	nl_put(batch, NFTA_REJECT_ICMP_CODE, &code, sizeof(code));
	expr_end(batch, e);
}

/* put_log() - what is beyond the rate does not match the rule */
static void put_log(struct nl_batch *batch)
{
	const uint64_t rate = htobe64(CAPTURE_LOG_RATE), second = htobe64(1);
	const uint16_t group = htons(CAPTURE_LOG_GROUP), threshold = htons(1);
	struct expr e = expr_begin(batch, "limit");

	nl_put(batch, NFTA_LIMIT_RATE, &rate, sizeof(rate));
	nl_put(batch, NFTA_LIMIT_UNIT, &second, sizeof(second));
	nl_put_be32(batch, NFTA_LIMIT_BURST, CAPTURE_LOG_BURST);
	nl_put_be32(batch, NFTA_LIMIT_TYPE, NFT_LIMIT_PKTS);
	expr_end(batch, e);

	e = expr_begin(batch, "log");
	nl_put(batch, NFTA_LOG_GROUP, &group, sizeof(group));
	nl_put_be32(batch, NFTA_LOG_SNAPLEN, CAPTURE_LOG_OCTETS);
	nl_put(batch, NFTA_LOG_QTHRESHOLD, &threshold, sizeof(threshold));
	expr_end(batch, e);
}

static void put_action(struct nl_batch *batch, enum action action)
{
	switch (action) {
	case DO_DROP:
		put_verdict(batch, NF_DROP, NULL);
		break;
	case DO_ACCEPT:
		put_verdict(batch, NF_ACCEPT, NULL);
		break;
	case DO_TPROXY:
		put_tproxy(batch);
		put_verdict(batch, NF_ACCEPT, NULL);
		break;
	case DO_JUMP_OWN:
		put_verdict(batch, NFT_JUMP, "own");
		break;
	case DO_LOG:
		put_log(batch);
		break;
	case DO_RESET:
		put_reject(batch, NFT_REJECT_TCP_RST, 0);
		break;
	case DO_PORT_UNREACH:
		put_reject(batch, NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_PORT_UNREACH);
		break;
	case DO_PROHIBIT:
		put_reject(batch, NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
		break;
	}
}

static void put_rule(struct nl_batch *batch, const struct rule *rule, unsigned flags)
{
	const uint32_t mark = CAPTURE_MARK; /* a mark is in host order */

	put_head(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | flags, rule->stage);
	nl_put_text(batch, NFTA_RULE_TABLE, TABLE);
	nl_put_text(batch, NFTA_RULE_CHAIN, rule->chain);
	size_t exprs = nl_nest(batch, NFTA_RULE_EXPRESSIONS);
	if (rule->nfproto != 0)
		put_meta(batch, NFT_META_NFPROTO, &rule->nfproto, 1);
	if (rule->l4proto != 0)
		put_meta(batch, NFT_META_L4PROTO, &rule->l4proto, 1);
	if (rule->marked)
		put_meta(batch, NFT_META_MARK, &mark, sizeof(mark));
	if (rule->value_len != 0)
		put_payload(batch, rule);
	put_action(batch, rule->action);
	nl_nest_end(batch, exprs);
}

static const struct chain chains[] = {
	{ "nft chain own", "own", -1, 0 },
	{ "nft chain output", "output", NF_INET_LOCAL_OUT, 0 },
	{ "nft chain prerouting", "prerouting", NF_INET_PRE_ROUTING, PRIORITY_MANGLE },
};

#define DADDR4(text, len) \
	NFPROTO_IPV4, 0, false, (len), NFT_PAYLOAD_NETWORK_HEADER, DADDR4_OFFSET, (text)
#define DADDR6(text)      NFPROTO_IPV6, 0, false, 16, NFT_PAYLOAD_NETWORK_HEADER, DADDR6_OFFSET, (text)
#define UDP_DPORT(port)   0, IPPROTO_UDP, false, 2, NFT_PAYLOAD_TRANSPORT_HEADER, DPORT_OFFSET, (port)
#define L4PROTO(protocol) 0, (protocol)

static void put_rules(struct nl_batch *batch, bool log)
{
	const uint16_t dns = htons(CAPTURE_DNS_PORT);
	struct in6_addr addr6;
	struct in_addr addr4;
	const struct rule rules[] = {
		{ "nft gateway rule", "own", DO_ACCEPT, .marked = true },
		{ "nft own-address rule", "own", DO_ACCEPT, DADDR4("\x7f", 1) },
		{ "nft own-address rule", "own", DO_ACCEPT, DADDR4(&addr4, 4) },
		{ "nft own-address rule", "own", DO_ACCEPT, DADDR6(&in6addr_loopback) },
		{ "nft own-address rule", "own", DO_ACCEPT, DADDR6(&addr6) },

		{ "nft jump rule", "output", DO_JUMP_OWN },
		{ "nft TCP rule", "output", DO_ACCEPT, L4PROTO(IPPROTO_TCP) },
		{ "nft DNS rule", "output", DO_ACCEPT, UDP_DPORT(&dns) },
		{ CAPTURE_LOG_STAGE, "output", DO_LOG },
		{ "nft UDP reject rule", "output", DO_PORT_UNREACH, L4PROTO(IPPROTO_UDP) },
		{ "nft reject rule", "output", DO_PROHIBIT },

		{ "nft jump rule", "prerouting", DO_JUMP_OWN },
		{ "nft tproxy rule", "prerouting", DO_TPROXY, L4PROTO(IPPROTO_TCP) },
		{ "nft reset rule", "prerouting", DO_RESET, L4PROTO(IPPROTO_TCP) },
		{ "nft DNS rule", "prerouting", DO_ACCEPT, UDP_DPORT(&dns) },
	};

	int parsed =
	    inet_pton(AF_INET, CAPTURE_ADDR4, &addr4) + inet_pton(AF_INET6, CAPTURE_ADDR6, &addr6);
	assert(parsed == 2);
	(void)parsed;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (log || rules[i].action != DO_LOG)
			put_rule(batch, &rules[i], i + 1 == ARRAY_SIZE(rules) ? NLM_F_ACK : 0);
}

int capture_nft(bool log, const char **ret_stage)
{
	struct nl_batch batch;

	nl_start(&batch);
	put_mark(&batch, NFNL_MSG_BATCH_BEGIN);
	put_head(&batch, NFT_MSG_NEWTABLE, NLM_F_CREATE, "nft table");
	nl_put_text(&batch, NFTA_TABLE_NAME, TABLE);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		put_chain(&batch, &chains[i]);
	put_rules(&batch, log);
	put_mark(&batch, NFNL_MSG_BATCH_END);
	return nl_run(&batch, NETLINK_NETFILTER, ret_stage);
}
