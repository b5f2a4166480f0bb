/*
 * Fernet, for reading. Pure; in this folder the only file that may call OpenSSL. Called by email_proxy.c.
 */
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>

#include "cli/fernet.h"
#include "lib/base64url.h"
#include "lib/buf.h"

/* version, time, initialization vector, blocks, signature */
#define FERNET_VERSION 0x80
#define HEAD_LEN (1 + 8)
#define BLOCK_LEN 16
#define MAC_LEN 32
#define KEY_HALF (FERNET_KEY_BYTES / 2)
#define TOKEN_MAX (2 * SECRET_MAX)

int fernet_key_derive(const void *password, size_t len, const void *salt, size_t salt_len, unsigned long iterations,
		      struct fernet_key *out)
{
	if (iterations == 0 || iterations > FERNET_ITERATIONS_MAX || len > INT_MAX || salt_len > INT_MAX)
		return -1;
	return PKCS5_PBKDF2_HMAC(password, (int)len, salt, (int)salt_len, (int)iterations, EVP_sha256(),
				 FERNET_KEY_BYTES, out->bytes) == 1
		   ? 0
		   : -1;
}

void fernet_key_wipe(struct fernet_key *key)
{
	OPENSSL_cleanse(key, sizeof *key);
}

static bool is_signed(const struct fernet_key *key, const struct buf *token)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	size_t signed_len = token->len - MAC_LEN;

	return HMAC(EVP_sha256(), key->bytes, KEY_HALF, (const unsigned char *)token->data, signed_len, mac, &len) !=
		   NULL &&
	       len == MAC_LEN && CRYPTO_memcmp(mac, token->data + signed_len, MAC_LEN) == 0;
}

/* What is between head and signature. text: room for as much. */
static bool decrypt(const struct fernet_key *key, const struct buf *token, struct buf *text)
{
	const unsigned char *iv = (const unsigned char *)token->data + HEAD_LEN, *blocks = iv + BLOCK_LEN;
	int len = (int)(token->len - HEAD_LEN - BLOCK_LEN - MAC_LEN), first = 0, last = 0;
	unsigned char *room = (unsigned char *)buf_reserve(text, (size_t)len + BLOCK_LEN);
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	bool good = room != NULL && cipher != NULL &&
		    EVP_DecryptInit_ex(cipher, EVP_aes_128_cbc(), NULL, key->bytes + KEY_HALF, iv) == 1 &&
		    EVP_DecryptUpdate(cipher, room, &first, blocks, len) == 1 &&
		    EVP_DecryptFinal_ex(cipher, room + first, &last) == 1;

	if (good)
		text->len += (size_t)first + (size_t)last;
	EVP_CIPHER_CTX_free(cipher);
	return good;
}

struct secret *fernet_open(const struct fernet_key *key, const char *token, size_t len)
{
	struct buf bytes = BUF_INIT(TOKEN_MAX), text = BUF_INIT(TOKEN_MAX);
	struct secret *secret = NULL;

	while (len > 0 && token[len - 1] == '=')
		len--;
	if (base64url_decode(&bytes, token, len) == 0 && bytes.len >= HEAD_LEN + 2 * BLOCK_LEN + MAC_LEN &&
	    (bytes.len - HEAD_LEN - MAC_LEN) % BLOCK_LEN == 0 && (unsigned char)bytes.data[0] == FERNET_VERSION &&
	    is_signed(key, &bytes) && decrypt(key, &bytes, &text))
		secret = secret_new(text.len > 0 ? text.data : "", text.len);
	buf_free(&bytes);
	buf_free(&text);
	return secret;
}
