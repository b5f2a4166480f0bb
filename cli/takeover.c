/*
 * What the imports from other programs have in common: prints sections for our configuration on standard output, writes
 * the clients' secrets, and gives the refresh tokens to tokend as far as it knows the accounts. What it says goes to
 * standard error, and no secret goes to either. Called by takeover_sasl_xoauth2.c and takeover_proxy.c.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/ask.h"
#include "cli/output.h"
#include "cli/takeover.h"
#include "daemon/file.h"
#include "lib/wire.h"

#define SECRETS_DEFAULT SYSCONFDIR "/mailbearer"
#define PATH_TEXT_MAX (PATH_MAX + 64)

int takeover_add(struct takeover *takeover, const char *source, struct err *err)
{
	size_t i = takeover->count++;
	const struct foreign *one = &takeover->ones[i];

	takeover->sources[i] = source;
	takeover->clients[i] = i;
	for (size_t j = i; j-- > 0;) {
		if (strcasecmp(one->user, takeover->ones[j].user) == 0)
			return err_set(err, ERR_CONFIG, "%s and %s are of the same account; give the one in use",
				       takeover->sources[j], source);
		if (foreign_same_client(one, &takeover->ones[j]))
			takeover->clients[i] = takeover->clients[j];
	}
	return 0;
}

/* Its name is printed between quotes. */
int takeover_begin(const struct cli_call *call, struct takeover *takeover, struct err *err)
{
	const char *folder = call->secrets_folder;

	*takeover = (struct takeover){.call = call};
	if (folder == NULL)
		return 0;
	takeover->folder = realpath(folder, NULL);
	if (takeover->folder == NULL)
		return err_sys(err, errno, "%s", folder);
	for (const char *byte = takeover->folder; *byte != '\0'; byte++)
		if (*byte < ' ' || *byte > '~' || strchr("\"\\$", *byte) != NULL)
			return err_set(err, ERR_CONFIG, "%s: the name of the folder cannot stand in a configuration",
				       folder);
	return 0;
}

static void name_client(const struct takeover *takeover, size_t i, char *name, size_t size)
{
	size_t number = 1;

	for (size_t j = 0; j < takeover->clients[i]; j++)
		number += takeover->clients[j] == j;
	snprintf(name, size, "imported-%zu", number);
}

/* What an earlier run has left there is good if it is the same secret. */
static int prove_written(const char *path, const struct buf *wanted, struct err *err)
{
	struct buf text = BUF_INIT(SECRET_MAX + 1);
	bool same = file_read(path, &text, NULL) == 0 && text.len == wanted->len &&
		    memcmp(text.data, wanted->data, text.len) == 0;

	buf_free(&text);
	return same ? 0 : err_set(err, ERR_CONFIG, "%s: is there already and holds something else; move it away", path);
}

static int write_secret(const struct secret *secret, const char *path, struct err *err)
{
	const struct file_owner owner = {0600, (uid_t)-1, (gid_t)-1};
	struct buf text = BUF_INIT(SECRET_MAX + 1);
	int result;

	if (secret_append(secret, &text) != 0 || buf_puts(&text, "\n") != 0)
		result = err_set(err, ERR_MEMORY, "no memory");
	else
		result = file_write(path, FILE_NEW, &text, &owner, err);
	if (result == 1)
		result = prove_written(path, &text, err);
	buf_free(&text);
	return result;
}

static int add_client(const struct takeover *takeover, size_t i, struct buf *out, struct err *err)
{
	const struct foreign *one = &takeover->ones[i];
	const char *folder = takeover->folder;
	char name[64], path[PATH_TEXT_MAX];

	name_client(takeover, i, name, sizeof name);
	snprintf(path, sizeof path, "%s/%s.secret", folder != NULL ? folder : SECRETS_DEFAULT, name);
	if (one->client_secret != NULL && folder != NULL && write_secret(one->client_secret, path, err) != 0)
		return -1;
	if (one->client_secret != NULL)
		fprintf(stderr,
			folder != NULL ? "%s: holds the client secret; let tokend's user read it\n"
				       : "%s: put the client secret there, mode 0640 (or use --write-secrets DIR)\n",
			path);
	foreign_client(one, name, path, out);
	return 0;
}

static int print_configuration(const struct takeover *takeover, struct err *err)
{
	struct buf out = BUF_INIT(TAKEOVER_DOCUMENT_MAX);
	char name[64];
	int result = 0;

	for (size_t i = 0; i < takeover->count && result == 0; i++)
		if (takeover->clients[i] == i)
			result = add_client(takeover, i, &out, err);
	for (size_t i = 0; i < takeover->count; i++) {
		name_client(takeover, i, name, sizeof name);
		foreign_account(&takeover->ones[i], name, &out);
	}
	if (result == 0)
		result = output_print(&out, err);
	buf_free(&out);
	return result;
}

/* CLI_DONE: the account has its token, or needs none. Says which. */
static enum cli_exit give_token(const struct cli_call *call, const struct foreign *one)
{
	struct buf key = BUF_INIT(WIRE_REQUEST_MAX), answer = BUF_INIT(WIRE_REPLY_MAX), text = BUF_INIT(OUTPUT_MAX);
	struct err err = {.code = ERR_NONE};
	enum cli_exit result = CLI_FAILED;

	if (one->refresh_token == NULL)
		return CLI_DONE;
	buf_printf(&key, "%s ", one->user);
	secret_append(one->refresh_token, &key);
	if (key.failed)
		err_set(&err, ERR_LIMIT, "the refresh token is too long");
	else
		result = ask(call, "import", &key, &answer, &err);
	secret_redact(one->refresh_token, err.text);
	output_safe(&text, err.text, strlen(err.text));
	fprintf(stderr, "%s: %s\n", one->user,
		result == CLI_DONE  ? "imported"
		: text.data != NULL ? text.data
				    : "not imported");
	buf_free(&key);
	buf_free(&answer);
	buf_free(&text);
	return result;
}

/* Where no tokend answers, it is asked once. */
static enum cli_exit give_tokens(const struct takeover *takeover, struct err *err)
{
	enum cli_exit result = CLI_DONE, one = CLI_DONE;
	size_t missing = 0;

	for (size_t i = 0; i < takeover->count; i++) {
		if (one != CLI_NO_TOKEND)
			one = give_token(takeover->call, &takeover->ones[i]);
		missing += one != CLI_DONE;
		result = one != CLI_DONE ? one : result;
	}
	if (result != CLI_DONE)
		err_set(err, ERR_NOT_FOUND,
			"%zu of %zu accounts did not get their refresh token: put the sections above into the "
			"configuration, start tokend or reload it, and give this command again",
			missing, takeover->count);
	return result;
}

enum cli_exit takeover_end(const struct takeover *takeover, struct err *err)
{
	return print_configuration(takeover, err) == 0 ? give_tokens(takeover, err) : CLI_FAILED;
}

void takeover_free(struct takeover *takeover)
{
	for (size_t i = 0; i < CLI_WORDS_MAX; i++)
		foreign_free(&takeover->ones[i]);
	free(takeover->folder);
}
