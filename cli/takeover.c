/*
 * The command import sasl-xoauth2: reads an installation's files, prints sections for our configuration on standard
 * output, and gives the refresh tokens to tokend as far as it knows the accounts. What it says goes to standard error,
 * and no secret goes to either. Called by main.c through the table.
 */
#include <errno.h>
#include <stdio.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/sasl_xoauth2.h"
#include "daemon/file.h"
#include "daemon/jsondoc.h"
#include "lib/wire.h"

#define CONFIG_DEFAULT "/etc/sasl-xoauth2.conf"
#define SECRETS_DEFAULT SYSCONFDIR "/mailbearer"
#define DOCUMENT_MAX (1024 * 1024)
#define PATH_TEXT_MAX (PATH_MAX + 64)

struct takeover {
	const struct cli_call *call;
	json_t *config;
	json_t *documents[CLI_WORDS_MAX];
	struct sasl_xoauth2 ones[CLI_WORDS_MAX];
	size_t clients[CLI_WORDS_MAX]; /* for each: the first one with the same client */
	size_t count;
	char *folder; /* for the client secrets, absolute; NULL: they are not written */
};

static json_t *read_document(const char *path, struct err *err)
{
	struct buf text = BUF_INIT(DOCUMENT_MAX);
	json_t *document = NULL;

	if (file_read(path, &text, err) == 0) {
		document = jsondoc_parse_object(text.data, text.len, err);
		if (document == NULL)
			err_prefix(err, "%s", path);
	}
	buf_free(&text);
	return document;
}

/* Finds the client that one shares with those before it, of whom none may be of the same account. */
static int compare_with_others(struct takeover *takeover, size_t i, struct err *err)
{
	const struct sasl_xoauth2 *one = &takeover->ones[i];

	takeover->clients[i] = i;
	for (size_t j = i; j-- > 0;) {
		if (strcasecmp(one->user, takeover->ones[j].user) == 0)
			return err_set(err, ERR_CONFIG, "%s and %s are of the same account; give the one in use",
				       takeover->call->words[j], takeover->call->words[i]);
		if (sasl_xoauth2_same_client(one, &takeover->ones[j]))
			takeover->clients[i] = takeover->clients[j];
	}
	return 0;
}

/* Its name is printed between quotes. */
static int find_folder(struct takeover *takeover, struct err *err)
{
	const char *folder = takeover->call->secrets_folder;

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

static int read_files(struct takeover *takeover, struct err *err)
{
	const struct cli_call *call = takeover->call;

	takeover->config = read_document(call->foreign_config != NULL ? call->foreign_config : CONFIG_DEFAULT, err);
	if (takeover->config == NULL)
		return -1;
	for (size_t i = 0; i < call->word_count; i++) {
		takeover->documents[i] = read_document(call->words[i], err);
		takeover->count = i + 1;
		if (takeover->documents[i] == NULL || sasl_xoauth2_read(takeover->config, takeover->documents[i],
									call->words[i], &takeover->ones[i], err) != 0)
			return -1;
		if (compare_with_others(takeover, i, err) != 0)
			return -1;
	}
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
	const struct sasl_xoauth2 *one = &takeover->ones[i];
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
	sasl_xoauth2_client(one, name, path, out);
	return 0;
}

static int print_configuration(const struct takeover *takeover, struct err *err)
{
	struct buf out = BUF_INIT(DOCUMENT_MAX);
	char name[64];
	int result = 0;

	for (size_t i = 0; i < takeover->count && result == 0; i++)
		if (takeover->clients[i] == i)
			result = add_client(takeover, i, &out, err);
	for (size_t i = 0; i < takeover->count; i++) {
		name_client(takeover, i, name, sizeof name);
		sasl_xoauth2_account(&takeover->ones[i], name, &out);
	}
	if (result == 0)
		result = output_print(&out, err);
	buf_free(&out);
	return result;
}

/* CLI_DONE: the account has its token, or needs none. Says which. */
static enum cli_exit give_token(const struct cli_call *call, const struct sasl_xoauth2 *one)
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

enum cli_exit cli_import_sasl_xoauth2(const struct cli_call *call, struct err *err)
{
	struct takeover takeover = {.call = call};
	enum cli_exit result = CLI_FAILED;

	if (find_folder(&takeover, err) == 0 && read_files(&takeover, err) == 0 &&
	    print_configuration(&takeover, err) == 0)
		result = give_tokens(&takeover, err);
	for (size_t i = 0; i < takeover.count; i++) {
		sasl_xoauth2_free(&takeover.ones[i]);
		json_decref(takeover.documents[i]);
	}
	json_decref(takeover.config);
	free(takeover.folder);
	return result;
}
