/*
 * The command import email-oauth2-proxy: its configuration, and the passwords that its tokens are encrypted with, which
 * are asked for on the terminal. Called by main.c through the table.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/email_proxy.h"
#include "cli/ini.h"
#include "cli/output.h"
#include "cli/read_secret.h"
#include "cli/takeover.h"
#include "daemon/file.h"

#define PROMPT_MAX (EMAIL_PROXY_NAME_MAX + 128)
#define TRIES 3

struct proxy_takeover {
	struct takeover takeover;
	struct email_proxy proxy;
	char names[CLI_WORDS_MAX][EMAIL_PROXY_NAME_MAX];
	struct buf password; /* the last one */
	bool asked;          /* there is one */
};

static json_t *read_sections(const char *path, struct err *err)
{
	struct buf text = BUF_INIT(TAKEOVER_DOCUMENT_MAX);
	json_t *sections = NULL;

	if (file_read(path, &text, err) == 0) {
		sections = ini_read(text.data, text.len, err);
		if (sections == NULL)
			err_prefix(err, "%s", path);
	}
	buf_free(&text);
	return sections;
}

/* From the terminal for each account, where Enter alone is the one before; else from standard input, once for all. */
static int ask_password(struct proxy_takeover *all, const char *account, struct err *err)
{
	char prompt[PROMPT_MAX];
	const struct read_secret_kind kind = {.name = "password", .prompt = prompt, .may_be_empty = all->asked};
	struct buf typed = BUF_INIT(READ_SECRET_SPACE);
	int result;

	if (all->asked && !isatty(STDIN_FILENO))
		return 0;
	snprintf(prompt, sizeof prompt, "Password with which %s logs in at the proxy%s", account,
		 all->asked ? " (Enter: the one before)" : " (it is not shown)");
	result = read_secret(&kind, "-", &typed, err);
	if (result == 0 && typed.len > 0) {
		buf_clear(&all->password);
		result = buf_append(&all->password, typed.data, typed.len);
		all->asked = true;
	}
	buf_free(&typed);
	return result;
}

/* A person may mistype. */
static int open_tokens(struct proxy_takeover *all, const struct email_proxy_sealed *sealed, struct foreign *one,
		       struct err *err)
{
	int tries = isatty(STDIN_FILENO) ? TRIES : 1;

	while (ask_password(all, one->user, err) == 0) {
		if (email_proxy_open(sealed, all->password.data, all->password.len, one, err) == 0)
			return 0;
		if (--tries == 0 || err->code != ERR_DENIED)
			return -1;
		output_complain(err->text);
	}
	return -1;
}

static int take_account(struct proxy_takeover *all, const char *section, struct err *err)
{
	size_t i = all->takeover.count;
	struct foreign *one = &all->takeover.ones[i];
	struct email_proxy_sealed sealed;

	if (email_proxy_read(&all->proxy, section, all->names[i], one, &sealed, err) != 0)
		return -1;
	if ((sealed.refresh_token != NULL || sealed.client_secret != NULL) && open_tokens(all, &sealed, one, err) != 0)
		return -1;
	return takeover_add(&all->takeover, section, err);
}

/* Those of a section of their own that have a token, or need none. Of the others it is said that they are left out. */
static int take_all(struct proxy_takeover *all, struct err *err)
{
	const char *section;
	json_t *values;

	json_object_foreach(all->proxy.config, section, values)
	{
		if (email_proxy_has_account(&all->proxy, section)) {
			if (all->takeover.count == CLI_WORDS_MAX)
				return err_set(err, ERR_LIMIT, "there are more than %d accounts; name fewer at a time",
					       CLI_WORDS_MAX);
			if (take_account(all, section, err) != 0)
				return -1;
		} else if (strchr(section, '@') != NULL) {
			fprintf(stderr, "%s: has no token and is left out\n", section);
		}
	}
	return all->takeover.count > 0 ? 0 : err_set(err, ERR_NOT_FOUND, "no account in it has a token");
}

static int take_accounts(struct proxy_takeover *all, struct err *err)
{
	const struct cli_call *call = all->takeover.call;

	if (call->word_count == 1)
		return take_all(all, err) == 0 ? 0 : err_prefix(err, "%s", call->words[0]);
	for (size_t i = 1; i < call->word_count; i++)
		if (take_account(all, call->words[i], err) != 0)
			return -1;
	return 0;
}

enum cli_exit cli_import_email_proxy(const struct cli_call *call, struct err *err)
{
	struct proxy_takeover all = {.password = BUF_INIT(READ_SECRET_SPACE)};
	enum cli_exit result = CLI_FAILED;

	if (takeover_begin(call, &all.takeover, err) == 0)
		all.proxy.config = read_sections(call->words[0], err);
	if (all.proxy.config != NULL && call->cache_store != NULL)
		all.proxy.cache = read_sections(call->cache_store, err);
	if (all.proxy.config != NULL && (all.proxy.cache != NULL || call->cache_store == NULL) &&
	    take_accounts(&all, err) == 0)
		result = takeover_end(&all.takeover, err);
	takeover_free(&all.takeover);
	buf_free(&all.password);
	json_decref(all.proxy.config);
	json_decref(all.proxy.cache);
	return result;
}
