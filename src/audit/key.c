// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: signed is SHA-256 of the line up to its signature, behind a text that no other
 * use of such a key begins with. The line holds its number, the hash of the line before, its time and
 * the log's name, so it fits nowhere else.
 *
 * Several processes may need the first key at the same time: each makes one, a link() that does not
 * replace decides, and all read what is there then.
 */
#include "audit/key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>

#include "audit/files.h"
#include "base/fd.h"

#define DOMAIN "immure audit line, version 1"

enum {
	SEED_OCTETS = crypto_sign_SEEDBYTES,
	HEX_OCTETS = 2 * AUDIT_KEY_OCTETS,
	MESSAGE_OCTETS = sizeof(DOMAIN) + AUDIT_HASH_OCTETS,
};
_Static_assert((int)AUDIT_SECRET_OCTETS == crypto_sign_SECRETKEYBYTES, "as libsodium has them");
_Static_assert((int)SEED_OCTETS == (int)AUDIT_KEY_OCTETS, "as libsodium has them");

static int hex_read(uint8_t ret[AUDIT_KEY_OCTETS], int folder, const char *name)
{
	char *text = NULL;
	size_t len = 0;
	int r = fd_read_file(&text, &len, folder, name, HEX_OCTETS + 1);

	if (r < 0)
		return r;
	struct span line = { text, len };
	if (len != HEX_OCTETS + 1 || text[HEX_OCTETS] != '\n' ||
	    !audit_unhex(ret, AUDIT_KEY_OCTETS, span_cut(&line, '\n')))
		r = -EKEYREJECTED;
	sodium_memzero(text, len);
	free(text);
	return r;
}

/* sync_name() - what has this name is on the disk */
static int sync_name(int folder, const char *name)
{
	CLEANUP_FD int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* hex_make() - a new file @name, unless there is one by now. It has all its text before it has its name, also
 * if the machine fails: half a key would end all writing, and none would leave what was signed without one. */
static int hex_make(int folder, const char *name, const uint8_t octets[AUDIT_KEY_OCTETS],
		    mode_t mode)
{
	char text[HEX_OCTETS + 1], draft[32];

	audit_hex(text, octets, AUDIT_KEY_OCTETS);
	text[HEX_OCTETS] = '\n';
	(void)snprintf(draft, sizeof(draft), ".%s.new.%d", name, (int)getpid());
	int r = fd_replace_file(folder, draft, (struct span){ text, sizeof(text) }, mode);
	if (r == 0)
		r = sync_name(folder, draft);
	if (r == 0 && linkat(folder, draft, folder, name, 0) < 0 && errno != EEXIST)
		r = -errno;
	(void)unlinkat(folder, draft, 0);
	sodium_memzero(text, sizeof(text));
	return r == 0 ? audit_folder_sync(folder) : r;
}

static int seed_make(int folder)
{
	uint8_t seed[SEED_OCTETS];

	randombytes_buf(seed, sizeof(seed));
	int r = hex_make(folder, "key", seed, 0600);
	sodium_memzero(seed, sizeof(seed));
	return r;
}

static int public_check(const struct audit_key *key, int folder)
{
	uint8_t there[AUDIT_KEY_OCTETS];
	int r = hex_read(there, folder, "key.pub");

	if (r == -ENOENT) {
		r = hex_make(folder, "key.pub", key->public, 0644);
		if (r == 0)
			r = hex_read(there, folder, "key.pub");
	}
	if (r < 0)
		return r;
	return memcmp(there, key->public, sizeof(there)) == 0 ? 0 : -EKEYREJECTED;
}

int audit_key_load(struct audit_key *ret, int folder, struct diag *diag)
{
	uint8_t seed[SEED_OCTETS];
	int r = sodium_init() < 0 ? -ENOSYS : hex_read(seed, folder, "key");

	if (r == -ENOENT) {
		r = seed_make(folder);
		if (r == 0)
			r = hex_read(seed, folder, "key");
	}
	if (r < 0)
		return diag_set(diag, r, "the key of the audit log does not read: audit/key: %s",
				strerrordesc_np(-r));
	(void)crypto_sign_seed_keypair(ret->public, ret->secret, seed);
	sodium_memzero(seed, sizeof(seed));
	r = public_check(ret, folder);
	if (r == 0)
		return 0;
	audit_key_wipe(ret);
	return diag_set(diag, r, "audit/key.pub is not the other half of audit/key: %s",
			strerrordesc_np(-r));
}

void audit_key_wipe(struct audit_key *key)
{
	sodium_memzero(key, sizeof(*key));
}

int audit_key_public(uint8_t ret[AUDIT_KEY_OCTETS], int folder, struct diag *diag)
{
	int r = hex_read(ret, folder, "key.pub");

	return r < 0 ? diag_set(diag, r, "the public key does not read: audit/key.pub: %s",
				strerrordesc_np(-r))
		     : 0;
}

static void message_make(uint8_t ret[MESSAGE_OCTETS], struct span covered)
{
	memcpy(ret, DOMAIN, sizeof(DOMAIN)); /* with its NUL */
	sha256(ret + sizeof(DOMAIN), covered);
}

size_t audit_sign(char *ret, const struct audit_entry *entry, const struct audit_key *key)
{
	struct audit_entry all = *entry;
	uint8_t message[MESSAGE_OCTETS], signature[AUDIT_SIGNATURE_OCTETS];
	char public[2 * AUDIT_KEY_OCTETS], hex[2 * AUDIT_SIGNATURE_OCTETS];

	audit_hex(public, key->public, AUDIT_KEY_OCTETS);
	all.key = (struct span){ public, sizeof(public) };
	all.signature = (struct span){ 0 };
	size_t len = audit_encode(ret, &all) - (sizeof("}\n") - 1);
	message_make(message, (struct span){ ret, len });
	(void)crypto_sign_detached(signature, NULL, message, sizeof(message), key->secret);
	audit_hex(hex, signature, sizeof(signature));
	all.signature = (struct span){ hex, sizeof(hex) };
	return audit_encode(ret, &all);
}

bool audit_signed_by(struct span line, const struct audit_entry *entry,
		     const uint8_t public[AUDIT_KEY_OCTETS])
{
	uint8_t key[AUDIT_KEY_OCTETS], signature[AUDIT_SIGNATURE_OCTETS], message[MESSAGE_OCTETS];
	const size_t tail = sizeof(",\"signature\":\"\"}") - 1 + sizeof(signature) * 2;

	if (!audit_unhex(key, sizeof(key), entry->key) || memcmp(key, public, sizeof(key)) != 0 ||
	    !audit_unhex(signature, sizeof(signature), entry->signature) || line.len < tail)
		return false;
	message_make(message, (struct span){ line.ptr, line.len - tail });
	return crypto_sign_verify_detached(signature, message, sizeof(message), public) == 0;
}
