/*
 * Sealing of state at rest with AES-256-GCM. Knows no files and no records. Called by store_file_read.c; the only file,
 * with jwt.c, that may call OpenSSL.
 */
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tokend/seal.h"

#define MAGIC "MBEARER"
#define MAGIC_LEN 7
#define HEADER_LEN (MAGIC_LEN + 1)
#define NONCE_LEN 12
#define TAG_LEN 16
#define NAME_MAX_BYTES 4096

struct seal_key {
	unsigned char bytes[SEAL_KEY_BYTES];
};

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool decode_hex(const char *text, size_t len, unsigned char *out)
{
	size_t i;

	if (len != 2 * SEAL_KEY_BYTES)
		return false;
	for (i = 0; i < SEAL_KEY_BYTES; i++) {
		int high = hex_value(text[2 * i]);
		int low = hex_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

struct seal_key *seal_key_new(const struct secret *hex, struct err *err)
{
	struct buf text = BUF_INIT(SECRET_MAX);
	struct seal_key *key = calloc(1, sizeof *key);

	if (key == NULL || secret_append(hex, &text) != 0) {
		err_set(err, ERR_MEMORY, "no memory for the seal key");
	} else if (!decode_hex(text.data, text.len, key->bytes)) {
		err_set(err, ERR_CONFIG, "the seal key must be %d hexadecimal digits, not %zu bytes of something else",
			2 * SEAL_KEY_BYTES, text.len);
	} else {
		buf_free(&text);
		return key;
	}
	seal_key_free(key);
	buf_free(&text);
	return NULL;
}

void seal_key_free(struct seal_key *key)
{
	if (key == NULL)
		return;
	explicit_bzero(key, sizeof *key);
	free(key);
}

/* A cipher that has the key, the nonce and the additional data: the record's header and the account's name. */
static EVP_CIPHER_CTX *cipher_new(const struct seal_key *key, bool seal, const char *record, const char *name)
{
	const unsigned char *bytes = (const unsigned char *)record;
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	int len;

	if (cipher != NULL &&
	    EVP_CipherInit_ex(cipher, EVP_aes_256_gcm(), NULL, key->bytes, bytes + HEADER_LEN, seal) == 1 &&
	    EVP_CipherUpdate(cipher, NULL, &len, bytes, HEADER_LEN) == 1 &&
	    EVP_CipherUpdate(cipher, NULL, &len, (const unsigned char *)name, (int)strlen(name)) == 1)
		return cipher;
	EVP_CIPHER_CTX_free(cipher);
	return NULL;
}

/* Appends header, a fresh nonce, the ciphertext and the tag; `out` has room for them. */
static bool write_record(const struct seal_key *key, const char *name, const struct buf *plain, unsigned char *out)
{
	unsigned char *text = out + HEADER_LEN + NONCE_LEN;
	EVP_CIPHER_CTX *cipher;
	bool done;
	int len = 0, more;

	memcpy(out, MAGIC, MAGIC_LEN);
	out[MAGIC_LEN] = SEAL_VERSION;
	if (RAND_bytes(out + HEADER_LEN, NONCE_LEN) != 1)
		return false;
	cipher = cipher_new(key, true, (const char *)out, name);
	done = cipher != NULL &&
	       (plain->len == 0 ||
		EVP_EncryptUpdate(cipher, text, &len, (const unsigned char *)plain->data, (int)plain->len) == 1) &&
	       EVP_EncryptFinal_ex(cipher, text + len, &more) == 1 &&
	       EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG_LEN, text + plain->len) == 1;
	EVP_CIPHER_CTX_free(cipher);
	return done;
}

int seal_close(const struct seal_key *key, const char *name, const struct buf *plain, struct buf *out, struct err *err)
{
	char *room;

	if (plain->len > SEAL_PLAIN_MAX || strlen(name) > NAME_MAX_BYTES)
		return err_set(err, ERR_LIMIT, "a record of %zu bytes is too long to be sealed", plain->len);
	room = buf_reserve(out, plain->len + SEAL_OVERHEAD);
	if (room == NULL)
		return err_set(err, ERR_MEMORY, "no memory for a sealed record");
	if (!write_record(key, name, plain, (unsigned char *)room)) {
		explicit_bzero(room, plain->len + SEAL_OVERHEAD);
		return err_set(err, ERR_SYSTEM, "OpenSSL could not seal a record (no AES-256-GCM, or no randomness?)");
	}
	out->len += plain->len + SEAL_OVERHEAD;
	return 0;
}

static int check_form(const char *bytes, size_t len, struct err *err)
{
	if (len < MAGIC_LEN || memcmp(bytes, MAGIC, MAGIC_LEN) != 0)
		return err_set(err, ERR_SYNTAX, "not a sealed record of Mailbearer");
	if (len > MAGIC_LEN && (unsigned char)bytes[MAGIC_LEN] != SEAL_VERSION)
		return err_set(
		    err, ERR_LIMIT,
		    "sealed in format %u, and this program knows format %d: was it written by a newer version?",
		    (unsigned char)bytes[MAGIC_LEN], SEAL_VERSION);
	if (len < SEAL_OVERHEAD)
		return err_set(err, ERR_SYNTAX, "a sealed record that is cut short");
	if (len > SEAL_PLAIN_MAX + SEAL_OVERHEAD)
		return err_set(err, ERR_LIMIT, "a sealed record of %zu bytes is longer than any that was written", len);
	return 0;
}

int seal_open(const struct seal_key *key, const char *name, const char *bytes, size_t len, struct buf *plain,
	      struct err *err)
{
	const char *text = bytes + HEADER_LEN + NONCE_LEN;
	size_t text_len;
	unsigned char tag[TAG_LEN];
	EVP_CIPHER_CTX *cipher;
	char *room;
	bool done;
	int got = 0, more;

	if (check_form(bytes, len, err) != 0)
		return -1;
	text_len = len - SEAL_OVERHEAD;
	room = buf_reserve(plain, text_len);
	if (room == NULL)
		return err_set(err, ERR_MEMORY, "no memory for a record");
	memcpy(tag, text + text_len, TAG_LEN);
	cipher = cipher_new(key, false, bytes, name);
	done = cipher != NULL && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) == 1 &&
	       (text_len == 0 || EVP_DecryptUpdate(cipher, (unsigned char *)room, &got, (const unsigned char *)text,
						   (int)text_len) == 1) &&
	       EVP_DecryptFinal_ex(cipher, (unsigned char *)room + got, &more) == 1;
	EVP_CIPHER_CTX_free(cipher);
	if (!done) {
		explicit_bzero(room, text_len);
		return err_set(
		    err, ERR_DENIED,
		    "does not open: it was sealed with another key or for another account, or it was changed");
	}
	plain->len += text_len;
	return 0;
}
