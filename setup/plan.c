/*
 * What mailbearer.conf(5) is to say after the answers, and what it says before them. Pure: text in, text out. An
 * account has a client section; one that other accounts use as well is never changed under their feet. Called by flow.c
 * and ask.c.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "setup/conf_edit.h"
#include "setup/plan.h"

#define TEXT_MAX (16 * 1024 * 1024) /* what settings_load takes */
#define PATH_TEXT_MAX 4096
#define CLIENTS_MAX 1000

static const char header[] = "# mailbearer.conf: see mailbearer.conf(5). Begun by mailbearer setup, which changes its "
			     "own sections only. No secret\n"
			     "# stands in here, so the file may be 0644 and in version control. After a change by "
			     "hand: mailbearer check-config,\n"
			     "# then mailbearer reload.\n";
static const char about_client[] = "The app registration: what this relay is to the provider.\n";
static const char about_account[] = "The mailbox that mail goes through. Its state: mailbearer status\n";
static const char about_milter[] = "Mail whose sender no account has. See mailbearer-milter(8).\n";
static const char about_domain[] = "Each mailbox of the domain, which the application may use.\n";

static const char *text_of(const struct buf *buf)
{
	return buf->data != NULL ? buf->data : "";
}

/* --- what stands there --- */

/* The client that the account uses. False: there is no such account yet. */
static bool client_of(const struct buf *conf, const char *account, char name[PLAN_NAME_SIZE])
{
	struct buf out = BUF_INIT(PLAN_NAME_SIZE - 1);
	bool found = conf_get(conf, "account", account, "client", &out);

	snprintf(name, PLAN_NAME_SIZE, "%s", text_of(&out));
	buf_free(&out);
	return found;
}

/* The only client there is, which a person who adds a mailbox most likely means. */
static bool only_client(const struct buf *conf, char name[PLAN_NAME_SIZE])
{
	struct buf first = BUF_INIT(PLAN_NAME_SIZE - 1), second = BUF_INIT(PLAN_NAME_SIZE - 1);
	bool found = conf_title(conf, "client", 0, &first) && !conf_title(conf, "client", 1, &second);

	snprintf(name, PLAN_NAME_SIZE, "%s", text_of(&first));
	buf_free(&first);
	buf_free(&second);
	return found;
}

static bool has_key(const struct buf *conf, const char *client, const char *key)
{
	struct buf value = BUF_INIT(PATH_TEXT_MAX);
	bool found = conf_get(conf, "client", client, key, &value);

	buf_free(&value);
	return found;
}

static void preset_credential(const struct buf *conf, const char *client, struct buf *out)
{
	if (has_key(conf, client, "client_secret_file"))
		buf_puts(out, "secret");
	else if (has_key(conf, client, "client_key"))
		buf_puts(out, "certificate");
	else
		buf_puts(out, "none");
}

static void preset_access(const struct buf *conf, const char *account, struct buf *out)
{
	struct buf grant = BUF_INIT(PATH_TEXT_MAX);

	conf_get(conf, "account", account, "grant", &grant);
	if (strcmp(text_of(&grant), "client_credentials") == 0)
		buf_puts(out, "application");
	buf_free(&grant);
}

/* Of a file that has accounts and no milter, the milter is off. */
static void preset_milter(const struct buf *conf, enum setup_id id, struct buf *out)
{
	struct buf any = BUF_INIT(PLAN_NAME_SIZE);
	bool there = conf_has_section(conf, "milter", NULL);

	if (id == SETUP_DEFAULT_ACCOUNT && there && !conf_get(conf, "milter", NULL, "default_account", out))
		buf_puts(out, "none");
	if (id == SETUP_MILTER && there && !conf_get(conf, "milter", NULL, "mode", out))
		buf_puts(out, "rewrite");
	if (id == SETUP_MILTER && !there && conf_title(conf, "account", 0, &any))
		buf_puts(out, "off");
	buf_free(&any);
}

/* What was said on the command line leads: it is then not for the file to say how the client proves itself. */
static bool is_told_otherwise(const struct setup_answers *answers)
{
	return answers->text[SETUP_SECRET] != NULL || answers->text[SETUP_CERTIFICATE] != NULL;
}

static void preset_of_file(const struct buf *conf, const struct setup_answers *answers, enum setup_id id,
			   struct buf *out)
{
	const char *account = setup_text(answers, SETUP_MAILBOX), *key = setup_question(id)->key;
	char client[PLAN_NAME_SIZE];

	if (id == SETUP_ACCESS)
		preset_access(conf, account, out);
	preset_milter(conf, id, out);
	if (!client_of(conf, account, client) && !(answers->asking && only_client(conf, client)))
		return;
	if (id == SETUP_CREDENTIAL && !is_told_otherwise(answers))
		preset_credential(conf, client, out);
	else if (id == SETUP_PROVIDER && !has_key(conf, client, key))
		buf_puts(out, "generic");
	else if (key != NULL)
		conf_get(conf, "client", client, key, out);
}

const char *setup_problem_here(const struct buf *conf, const struct setup_answers *answers, enum setup_id id,
			       const char *answer)
{
	const char *problem = setup_problem(answers, id, answer);

	if (problem != NULL || id != SETUP_DEFAULT_ACCOUNT || strcmp(answer, "none") == 0 ||
	    strcasecmp(answer, setup_text(answers, SETUP_MAILBOX)) == 0 || conf_has_section(conf, "account", answer))
		return problem;
	return "must be an account of its own, the mailbox or one that mailbearer.conf has already; or none";
}

void setup_preset(const struct buf *conf, const struct setup_answers *answers, enum setup_id id, struct buf *out)
{
	preset_of_file(conf, answers, id, out);
	if (out->len > 0 && setup_problem(answers, id, out->data) != NULL)
		buf_clear(out); /* it does not go with the answers before it */
	if (out->len == 0 && setup_question(id)->preset != NULL)
		setup_question(id)->preset(answers, out);
}

/* --- what is wanted --- */

/* Does the value say no more than the provider's own, so that the key need not be there? */
static bool goes_without_saying(const struct setup_answers *answers, enum setup_id id, const char *value)
{
	const struct setup_question *question = setup_question(id);
	struct buf preset = BUF_INIT(SETUP_ANSWER_MAX);
	bool same = false;

	if (id == SETUP_CLOUD)
		return strcmp(value, "public") == 0;
	if (id == SETUP_RELAYHOST || (id == SETUP_CLIENT_ID && DEFAULT_CLIENT_ID[0] != '\0')) {
		question->preset(answers, &preset);
		same = strcmp(text_of(&preset), value) == 0;
	}
	buf_free(&preset);
	return same;
}

/* False: the key stays as it is. *value NULL: it goes. */
static bool wanted(const struct setup_answers *answers, enum setup_id id, const char **value)
{
	const struct setup_question *question = setup_question(id);
	bool credential = id == SETUP_CERTIFICATE || id == SETUP_KEY || id == SETUP_SECRET_EXPIRES;

	*value = answers->text[id];
	if (question->key == NULL || (*value == NULL && !credential && id != SETUP_METADATA_URL))
		return false;
	/* One of two ways to say where the provider is: the tenant is no harm beside the document, but not the other
	 * way. */
	if (id == SETUP_METADATA_URL && *value == NULL)
		return answers->text[SETUP_TENANT] != NULL;
	if (*value != NULL &&
	    (**value == '\0' || !question->applies(answers) || goes_without_saying(answers, id, *value)))
		*value = NULL;
	return true;
}

static bool says(const struct buf *conf, const char *client, const char *key, const char *value)
{
	struct buf is = BUF_INIT(PATH_TEXT_MAX);
	bool same = conf_get(conf, "client", client, key, &is) ? value != NULL && strcmp(text_of(&is), value) == 0
							       : value == NULL;

	buf_free(&is);
	return same;
}

static bool uses_secret(const struct setup_answers *answers)
{
	return setup_is(answers, SETUP_CREDENTIAL, "secret");
}

/* Is this client what the answers describe? */
static bool is_wanted_client(const struct buf *conf, const char *client, const struct setup_answers *answers)
{
	const char *value;

	for (unsigned id = 0; id < SETUP_QUESTIONS; id++)
		if (wanted(answers, id, &value) && !says(conf, client, setup_question(id)->key, value))
			return false;
	return has_key(conf, client, "client_secret_file") == uses_secret(answers);
}

static bool is_shared(const struct buf *conf, const char *client, const char *account)
{
	struct buf title = BUF_INIT(PLAN_NAME_SIZE);
	char other[PLAN_NAME_SIZE];
	bool shared = false;

	for (unsigned i = 0; !shared && conf_title(conf, "account", i, &title); i++) {
		shared = strcasecmp(text_of(&title), account) != 0 && client_of(conf, text_of(&title), other) &&
			 strcmp(other, client) == 0;
		buf_clear(&title);
	}
	buf_free(&title);
	return shared;
}

static bool find_wanted_client(const struct buf *conf, const struct setup_answers *answers, char name[PLAN_NAME_SIZE])
{
	struct buf title = BUF_INIT(PLAN_NAME_SIZE - 1);
	bool found = false;

	for (unsigned i = 0; !found && i < CLIENTS_MAX && conf_title(conf, "client", i, &title); i++) {
		snprintf(name, PLAN_NAME_SIZE, "%s", text_of(&title));
		found = is_wanted_client(conf, name, answers);
		buf_clear(&title);
	}
	buf_free(&title);
	return found;
}

/* After the mailbox's domain: "contoso", "contoso-2". The name is that of a file as well. */
static void new_name(const struct buf *conf, const char *mailbox, char name[PLAN_NAME_SIZE])
{
	const char *at = strrchr(mailbox, '@');
	char base[64] = "";
	size_t len = 0;

	for (const char *byte = at != NULL ? at + 1 : mailbox; *byte != '\0' && *byte != '.' && len < 40; byte++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *byte) != NULL)
			base[len++] = *byte;
	if (len == 0)
		strcpy(base, "mail");
	snprintf(name, PLAN_NAME_SIZE, "%s", base);
	for (unsigned i = 2; conf_has_section(conf, "client", name); i++)
		snprintf(name, PLAN_NAME_SIZE, "%s-%u", base, i);
}

static void choose_client(const struct buf *conf, const struct setup_answers *answers, char name[PLAN_NAME_SIZE])
{
	const char *mailbox = setup_text(answers, SETUP_MAILBOX);

	if (client_of(conf, mailbox, name) &&
	    (!is_shared(conf, name, mailbox) || is_wanted_client(conf, name, answers)))
		return;
	if (!find_wanted_client(conf, answers, name))
		new_name(conf, mailbox, name);
}

/* Where it was, if that is a file of ours to write. */
static void choose_secret_file(const struct buf *conf, const char *folder, struct setup_plan *plan)
{
	conf_get(conf, "client", plan->client, "client_secret_file", &plan->secret_file);
	if (plan->secret_file.len > 0 && plan->secret_file.data[0] == '/')
		return;
	buf_clear(&plan->secret_file);
	buf_printf(&plan->secret_file, "%s/%s.secret", folder, plan->client);
}

static int put_client(const struct setup_answers *answers, struct setup_plan *plan)
{
	const char *value, *secret = uses_secret(answers) ? text_of(&plan->secret_file) : NULL;
	int result = 0;

	if (!conf_has_section(&plan->text, "client", plan->client))
		result = conf_add_section(&plan->text, "client", plan->client, about_client);
	for (unsigned id = 0; id < SETUP_QUESTIONS && result == 0; id++) {
		if (id == SETUP_SECRET)
			result = conf_set(&plan->text, "client", plan->client, "client_secret_file", secret);
		else if (wanted(answers, id, &value))
			result = conf_set(&plan->text, "client", plan->client, setup_question(id)->key, value);
	}
	return result;
}

static int put_account(const struct setup_answers *answers, struct setup_plan *plan)
{
	const char *mailbox = setup_text(answers, SETUP_MAILBOX);
	bool application = setup_is(answers, SETUP_ACCESS, "application");
	struct buf grant = BUF_INIT(PATH_TEXT_MAX);
	int result = 0;

	if (!conf_has_section(&plan->text, "account", mailbox))
		result =
		    conf_add_section(&plan->text, "account", mailbox, mailbox[0] == '*' ? about_domain : about_account);
	if (result == 0)
		result = conf_set(&plan->text, "account", mailbox, "client", plan->client);
	/* Nothing said means refresh_token. */
	if (result == 0 && (application || conf_get(&plan->text, "account", mailbox, "grant", &grant)))
		result = conf_set(&plan->text, "account", mailbox, "grant",
				  application ? "client_credentials" : "refresh_token");
	buf_free(&grant);
	return result;
}

/* In the queue's folder, whence Postfix sees it in its chroot and out of it. */
static int add_milter(const char *queue, struct setup_plan *plan)
{
	struct buf listen = BUF_INIT(PATH_TEXT_MAX);
	int result = conf_add_section(&plan->text, "milter", NULL, about_milter);

	if (result == 0 && queue != NULL) {
		buf_printf(&listen, "unix:%s/run/mailbearer-milter/milter.sock", queue);
		result = listen.failed ? -1 : conf_set(&plan->text, "milter", NULL, "listen", listen.data);
	}
	buf_free(&listen);
	return result;
}

/* One that is off and not there stays so; one that is there says so, since Postfix may ask it. */
static int put_milter(const struct setup_site *site, const struct setup_answers *answers, struct setup_plan *plan)
{
	const char *mode = answers->text[SETUP_MILTER], *account = answers->text[SETUP_DEFAULT_ACCOUNT];
	bool there = conf_has_section(&plan->text, "milter", NULL), off = mode == NULL || strcmp(mode, "off") == 0;
	struct buf is = BUF_INIT(PATH_TEXT_MAX);
	int result = 0;

	if (mode == NULL || (off && !there))
		return 0;
	if (!there)
		result = add_milter(site->queue, plan);
	/* Nothing said means rewrite. */
	if (result == 0 &&
	    (!there || conf_get(&plan->text, "milter", NULL, "mode", &is) || strcmp(mode, "rewrite") != 0))
		result = conf_set(&plan->text, "milter", NULL, "mode", mode);
	if (result == 0 && account != NULL)
		result = conf_set(&plan->text, "milter", NULL, "default_account",
				  strcmp(account, "none") != 0 ? account : NULL);
	buf_free(&is);
	return result;
}

int setup_plan(const struct buf *conf, const struct setup_site *site, const struct setup_answers *answers,
	       struct setup_plan *out)
{
	*out = (struct setup_plan){.secret_file = BUF_INIT(PATH_TEXT_MAX), .text = BUF_INIT(TEXT_MAX)};
	choose_client(conf, answers, out->client);
	if (uses_secret(answers))
		choose_secret_file(conf, site->folder, out);
	if (conf->len > 0)
		buf_append(&out->text, conf->data, conf->len);
	else
		buf_puts(&out->text, header);
	if (out->text.failed || out->secret_file.failed || put_client(answers, out) != 0 ||
	    put_account(answers, out) != 0)
		return -1;
	return put_milter(site, answers, out);
}

void setup_plan_free(struct setup_plan *plan)
{
	buf_free(&plan->secret_file);
	buf_free(&plan->text);
}
