/*
 * The table of questions, and what is a right answer to each. Pure; the rules for what goes into mailbearer.conf(5) are
 * those of the settings. Called by ask.c for a person, and by the command line's reader for the options.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/provider.h"
#include "daemon/settings.h"
#include "setup/question.h"

bool setup_is_guid(const char *text)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t i;

	for (i = 0; form[i] != '\0'; i++)
		if (form[i] == '-' ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	return text[i] == '\0';
}

const char *setup_text(const struct setup_answers *answers, enum setup_id id)
{
	return answers->text[id] != NULL ? answers->text[id] : "";
}

bool setup_is(const struct setup_answers *answers, enum setup_id id, const char *word)
{
	return strcmp(setup_text(answers, id), word) == 0;
}

/* --- when a question applies --- */

static const struct provider *provider_of(const struct setup_answers *answers)
{
	return provider_find(setup_text(answers, SETUP_PROVIDER), NULL);
}

static bool always(const struct setup_answers *answers)
{
	(void)answers;
	return true;
}

static bool with_clouds(const struct setup_answers *answers)
{
	const struct provider *provider = provider_of(answers);

	return provider != NULL && provider->cloud != NULL;
}

static bool with_tenants(const struct setup_answers *answers)
{
	const struct provider *provider = provider_of(answers);

	return provider != NULL && provider->cloud != NULL && *setup_text(answers, SETUP_METADATA_URL) == '\0';
}

/* A provider that is not in the table; or whoever has this address rather than a tenant. */
static bool with_metadata(const struct setup_answers *answers)
{
	return setup_is(answers, SETUP_PROVIDER, "generic") || answers->text[SETUP_METADATA_URL] != NULL;
}

static bool with_secret(const struct setup_answers *answers)
{
	return setup_is(answers, SETUP_CREDENTIAL, "secret");
}

static bool with_certificate(const struct setup_answers *answers)
{
	return setup_is(answers, SETUP_CREDENTIAL, "certificate");
}

static bool as_application(const struct setup_answers *answers)
{
	return setup_is(answers, SETUP_ACCESS, "application");
}

static bool as_application_of_microsoft(const struct setup_answers *answers)
{
	return as_application(answers) && setup_is(answers, SETUP_PROVIDER, "microsoft");
}

static bool as_user(const struct setup_answers *answers)
{
	return !as_application(answers);
}

static bool with_milter(const struct setup_answers *answers)
{
	return !setup_is(answers, SETUP_MILTER, "off");
}

/* --- what is right --- */

/* words: separated by '|'. */
static bool is_one_of(const char *answer, const char *words)
{
	size_t len = strlen(answer);

	for (const char *word = words; word != NULL; word = strchr(word, '|') ? strchr(word, '|') + 1 : NULL)
		if (strcspn(word, "|") == len && strncmp(word, answer, len) == 0)
			return true;
	return false;
}

/* "*@domain" is every mailbox of it, which only an application can be. What the access is, is asked afterwards. */
static const char *mailbox_problem(const struct setup_answers *answers, const char *answer)
{
	(void)answers;
	return settings_title_is("account", answer);
}

static const char *access_problem(const struct setup_answers *answers, const char *answer)
{
	if (!is_one_of(answer, "user|application"))
		return "must be user or application";
	if (*setup_text(answers, SETUP_MAILBOX) == '*' && strcmp(answer, "user") == 0)
		return "must be application, since a person signs in for one mailbox, not for a whole domain";
	return NULL;
}

static const char *provider_problem(const struct setup_answers *answers, const char *answer)
{
	const struct provider *provider = provider_find(answer, NULL);

	if (provider == NULL)
		return "must be one of those that mailbearer.conf(5) lists: microsoft, outlook, google, generic, ...";
	if (as_application(answers) && provider->scope_application == NULL && strcmp(answer, "generic") != 0)
		return "must be microsoft or generic for access as an application (a service account of Google's: see "
		       "mailbearer-setup(7))";
	return NULL;
}

static const char *cloud_problem(const struct setup_answers *answers, const char *answer)
{
	if (provider_find(setup_text(answers, SETUP_PROVIDER), answer) != NULL)
		return NULL;
	return "must be public, gcc-high, dod or china (GCC without High is in the public one)";
}

static const char *tenant_problem(const struct setup_answers *answers, const char *answer)
{
	if (as_application(answers) && is_one_of(answer, "common|organizations|consumers"))
		return "must be the organisation's own for access as an application: its domain or tenant ID";
	if (!setup_is_guid(answer) && strchr(answer, '.') == NULL &&
	    !is_one_of(answer, "common|organizations|consumers"))
		return "must be a domain of the organisation (contoso.onmicrosoft.com) or its tenant ID, as the portal "
		       "shows it: 8-4-4-4-12 hexadecimal digits";
	return NULL;
}

static const char *metadata_problem(const struct setup_answers *answers, const char *answer)
{
	(void)answers;
	if (*answer == '\0')
		return NULL;
	return strncmp(answer, "https://", 8) == 0
		   ? NULL
		   : "must begin with https:// and is mostly one that ends in /.well-known/openid-configuration";
}

static const char *client_id_problem(const struct setup_answers *answers, const char *answer)
{
	const struct provider *provider = provider_of(answers);

	if (provider != NULL && provider->tenant && !setup_is_guid(answer))
		return "must be the Application (client) ID of the app registration: 8-4-4-4-12 hexadecimal digits";
	return NULL;
}

static const char *credential_problem(const struct setup_answers *answers, const char *answer)
{
	const struct provider *provider = provider_of(answers);

	if (!is_one_of(answer, "none|secret|certificate"))
		return "must be none, secret or certificate";
	if (strcmp(answer, "none") == 0 && as_application(answers))
		return "must be secret or certificate: an application proves by it who it is";
	if (strcmp(answer, "none") == 0 && provider != NULL && provider->public_client_sends_secret)
		return "must be secret: this provider wants the one of desktop applications as well";
	return NULL;
}

/* Of the secret itself, not of the name of a file. The portal shows both in one line, and 36 characters of this form
 * are no secret of Entra's. */
static const char *secret_problem(const struct setup_answers *answers, const char *answer)
{
	(void)answers;
	for (const unsigned char *byte = (const unsigned char *)answer; *byte != '\0'; byte++)
		if (*byte < ' ' || *byte == 0x7f)
			return "holds a control character; it must be the secret on one line";
	return setup_is_guid(answer)
		   ? "is the Secret ID; what is wanted is its Value, which the portal shows once, when "
		     "it is made"
		   : NULL;
}

static const char *object_id_problem(const struct setup_answers *answers, const char *answer)
{
	if (*answer == '\0')
		return NULL;
	if (!setup_is_guid(answer))
		return "must be 8-4-4-4-12 hexadecimal digits";
	return strcasecmp(answer, setup_text(answers, SETUP_CLIENT_ID)) == 0
		   ? "is the client ID; the Object ID stands under Enterprise applications"
		   : NULL;
}

static const char *milter_problem(const struct setup_answers *answers, const char *answer)
{
	(void)answers;
	return is_one_of(answer, "off|monitor|rewrite|reject") ? NULL : "must be off, monitor, rewrite or reject";
}

static const char *default_account_problem(const struct setup_answers *answers, const char *answer)
{
	(void)answers;
	return strcmp(answer, "none") == 0 ? NULL : settings_value_is("milter", "default_account", answer);
}

static const char *login_problem(const struct setup_answers *answers, const char *answer)
{
	(void)answers;
	return is_one_of(answer, "auto|browser|paste|device|later") ? NULL
								    : "must be auto, browser, paste, device or later";
}

static const char *postfix_problem(const struct setup_answers *answers, const char *answer)
{
	if (answers->asking && strcmp(answer, "ask") == 0)
		return NULL;
	return is_one_of(answer, "apply|show|no") ? NULL : "must be apply, show or no";
}

static const char *test_problem(const struct setup_answers *answers, const char *answer)
{
	(void)answers;
	if (strcmp(answer, "none") == 0)
		return NULL;
	return *answer == '*' ? "must be one address, or none" : settings_title_is("account", answer);
}

/* --- what is offered --- */

static const char *domain_of_mailbox(const struct setup_answers *answers)
{
	const char *at = strrchr(setup_text(answers, SETUP_MAILBOX), '@');

	return at != NULL ? at + 1 : "";
}

static void preset_access(const struct setup_answers *answers, struct buf *out)
{
	buf_puts(out, *setup_text(answers, SETUP_MAILBOX) == '*' ? "application" : "user");
}

/* Personal mailboxes are of two domains that everybody knows, and of others that a person knows better. */
static void preset_provider(const struct setup_answers *answers, struct buf *out)
{
	const char *domain = domain_of_mailbox(answers), *metadata = setup_text(answers, SETUP_METADATA_URL);

	if (strcasecmp(domain, "outlook.com") == 0 || strcasecmp(domain, "hotmail.com") == 0)
		buf_puts(out, "outlook");
	else if (strcasecmp(domain, "gmail.com") == 0)
		buf_puts(out, "google");
	else
		buf_puts(out, *metadata == '\0' || strstr(metadata, "login.microsoftonline.") != NULL ? "microsoft"
												      : "generic");
}

static void preset_cloud(const struct setup_answers *answers, struct buf *out)
{
	size_t len = strlen(setup_text(answers, SETUP_TENANT));

	buf_puts(out, len > 3 && strcmp(setup_text(answers, SETUP_TENANT) + len - 3, ".us") == 0   ? "gcc-high"
		      : len > 3 && strcmp(setup_text(answers, SETUP_TENANT) + len - 3, ".cn") == 0 ? "china"
												   : "public");
}

static void preset_tenant(const struct setup_answers *answers, struct buf *out)
{
	buf_puts(out, domain_of_mailbox(answers));
}

/* The build's own registration is a public client of the public cloud; see the settings. */
static void preset_client_id(const struct setup_answers *answers, struct buf *out)
{
	if (as_user(answers) && setup_is(answers, SETUP_PROVIDER, "microsoft") && with_clouds(answers) &&
	    setup_is(answers, SETUP_CLOUD, "public"))
		buf_puts(out, DEFAULT_CLIENT_ID);
}

static void preset_credential(const struct setup_answers *answers, struct buf *out)
{
	const struct provider *provider = provider_of(answers);

	if (answers->text[SETUP_SECRET] != NULL)
		buf_puts(out, "secret");
	else if (answers->text[SETUP_CERTIFICATE] != NULL)
		buf_puts(out, "certificate");
	else if (as_user(answers) && (provider == NULL || !provider->public_client_sends_secret))
		buf_puts(out, "none");
	else if (answers->asking)
		buf_puts(out, "secret");
}

static void preset_relayhost(const struct setup_answers *answers, struct buf *out)
{
	const struct provider *provider = provider_find(setup_text(answers, SETUP_PROVIDER),
							with_clouds(answers) ? setup_text(answers, SETUP_CLOUD) : NULL);

	if (provider != NULL && provider->relayhost != NULL)
		buf_puts(out, provider->relayhost);
}

/* A printer's own address is what people have trouble with. Without a person, the option says that there is to be one
 * more daemon; with all of a domain's mailboxes, there is none that is to be written. */
static void preset_milter(const struct setup_answers *answers, struct buf *out)
{
	bool wanted =
	    answers->asking && *setup_text(answers, SETUP_MAILBOX) != '*' && !setup_is(answers, SETUP_POSTFIX, "no");

	buf_puts(out, wanted ? "rewrite" : "off");
}

static void preset_default_account(const struct setup_answers *answers, struct buf *out)
{
	buf_puts(out, *setup_text(answers, SETUP_MAILBOX) != '*' ? setup_text(answers, SETUP_MAILBOX) : "none");
}

/* Without a person the option says who signs in, and how: a sign-in waits a quarter of an hour for somebody. */
static void preset_login(const struct setup_answers *answers, struct buf *out)
{
	if (answers->asking)
		buf_puts(out, "auto");
}

static void preset_postfix(const struct setup_answers *answers, struct buf *out)
{
	buf_puts(out, answers->asking ? "ask" : "apply");
}

static void preset_test_to(const struct setup_answers *answers, struct buf *out)
{
	if (answers->asking && *setup_text(answers, SETUP_MAILBOX) != '*')
		buf_puts(out, setup_text(answers, SETUP_MAILBOX));
	else
		buf_puts(out, "none");
}

/* --- the table --- */

static const struct setup_question questions[SETUP_QUESTIONS] = {
    [SETUP_MAILBOX] = {"mailbox", "ADDRESS", "the mailbox that mail goes through; *@DOMAIN: all of them",
		       "Mailbox that mail is to go through", NULL, SETUP_TEXT, true, always, mailbox_problem, NULL,
		       NULL},
    [SETUP_ACCESS] = {"access", "user|application", "a person signs in once, or an application is let in",
		      "Access as user or application", NULL, SETUP_TEXT, true, always, access_problem, preset_access,
		      NULL},
    [SETUP_PROVIDER] = {"provider", "NAME", "microsoft, outlook, google, generic, ...",
			"Provider (microsoft, outlook, google, ..., generic)", "provider", SETUP_TEXT, true, always,
			provider_problem, preset_provider, NULL},
    [SETUP_CA_FILE] = {"ca-file", "FILE", "certificates of CAs, in the place of the system's", NULL, "ca_file",
		       SETUP_TEXT, false, always, NULL, NULL, NULL},
    [SETUP_PROXY] = {"proxy", "URL", "the way to the provider's pages", NULL, "proxy", SETUP_TEXT, false, always, NULL,
		     NULL, NULL},
    [SETUP_METADATA_URL] = {"metadata-url", "URL", "its OpenID Connect metadata document, instead of a tenant",
			    "Address of the OpenID Connect metadata document", "metadata_url", SETUP_TEXT, true,
			    with_metadata, metadata_problem, NULL, NULL},
    [SETUP_TENANT] = {"tenant", "DOMAIN|ID", "Microsoft's organisation: a domain of it, or its tenant ID",
		      "Tenant: a domain of the organisation, or its tenant ID", "tenant", SETUP_TEXT, true,
		      with_tenants, tenant_problem, preset_tenant, NULL},
    [SETUP_CLOUD] = {"cloud", "NAME", "of Microsoft's: public, gcc-high, dod or china", "Microsoft's cloud", "cloud",
		     SETUP_UNLESS_KNOWN, true, with_clouds, cloud_problem, preset_cloud, NULL},
    [SETUP_CLIENT_ID] = {"client-id", "ID", "the application (client) ID of the app registration",
			 "Application (client) ID of the app registration", "client_id", SETUP_TEXT, true, always,
			 client_id_problem, preset_client_id, NULL},
    [SETUP_CREDENTIAL] = {"credential", "none|secret|certificate", "how the client proves who it is",
			  "The client has a secret, a certificate or none", NULL, SETUP_TEXT, true, always,
			  credential_problem, preset_credential, NULL},
    [SETUP_SECRET] = {"client-secret-file", "FILE|-", "the client secret, in a file or on standard input",
		      "Value of the client secret", NULL, SETUP_SECRET_TEXT, true, with_secret, secret_problem, NULL,
		      NULL},
    [SETUP_SECRET_EXPIRES] = {"client-secret-expires", "YYYY-MM-DD", "the day on which it ends",
			      "The day on which the secret ends (YYYY-MM-DD; may be left out)", "client_secret_expires",
			      SETUP_TEXT, false, with_secret, NULL, NULL, NULL},
    [SETUP_CERTIFICATE] = {"client-certificate", "FILE", "the certificate in the place of a secret",
			   "File of the certificate", "client_certificate", SETUP_TEXT, true, with_certificate, NULL,
			   NULL, NULL},
    [SETUP_KEY] = {"client-key", "FILE", "and its private key", "File of its private key", "client_key", SETUP_TEXT,
		   true, with_certificate, NULL, NULL, NULL},
    [SETUP_OBJECT_ID] = {"object-id", "ID", "of the enterprise application, for the lines of PowerShell",
			 "Object ID of the enterprise application (may be left out)", NULL, SETUP_TEXT, false,
			 as_application_of_microsoft, object_id_problem, NULL, NULL},
    [SETUP_RELAYHOST] = {"relayhost", "[HOST]:PORT", "the submission server, if not the provider's usual one",
			 "Submission server", "relayhost", SETUP_UNLESS_KNOWN, true, always, NULL, preset_relayhost,
			 NULL},
    [SETUP_MILTER] = {"milter", "off|monitor|rewrite|reject", "what becomes of senders that are no mailbox",
		      "Senders that are no mailbox: rewrite, reject, monitor or off", NULL, SETUP_TEXT, true, always,
		      milter_problem, preset_milter,
		      "What printers and programs send as an address that is no mailbox, such as\n"
		      "scanner@printer.local, comes back from the provider; mailbearer-milter can write\n"
		      "an account into it instead, and what was there into Reply-To.\n"},
    [SETUP_DEFAULT_ACCOUNT] = {"default-account", "ADDRESS|none", "whose address such senders get",
			       "Account that such senders get (or: none)", NULL, SETUP_TEXT, true, with_milter,
			       default_account_problem, preset_default_account, NULL},
    [SETUP_LOGIN] = {"login", "auto|browser|paste|device|later", "how a person signs the mailbox in", NULL, NULL,
		     SETUP_TEXT, true, as_user, login_problem, preset_login, NULL},
    [SETUP_POSTFIX] = {"postfix", "apply|show|no", "what is done with main.cf and master.cf", NULL, NULL, SETUP_TEXT,
		       true, always, postfix_problem, preset_postfix, NULL},
    [SETUP_TEST_TO] = {"test-to", "ADDRESS|none", "who gets the test message", "Send a test message to (or: none)",
		       NULL, SETUP_TEXT, true, always, test_problem, preset_test_to, NULL},
};

const struct setup_question *setup_question(unsigned id)
{
	return id < SETUP_QUESTIONS ? &questions[id] : NULL;
}

enum setup_id setup_question_id(const struct setup_question *question)
{
	return (enum setup_id)(question - questions);
}

const struct setup_question *setup_question_find(const char *option, size_t len)
{
	for (unsigned id = 0; id < SETUP_QUESTIONS; id++)
		if (strlen(questions[id].option) == len && memcmp(questions[id].option, option, len) == 0)
			return &questions[id];
	return NULL;
}

const char *setup_problem(const struct setup_answers *answers, enum setup_id id, const char *answer)
{
	const struct setup_question *question = &questions[id];
	const char *problem = NULL;

	if (*answer == '\0')
		return question->needed ? "is needed" : NULL;
	if (strlen(answer) > SETUP_ANSWER_MAX)
		return "is longer than an answer may be";
	if (question->problem != NULL)
		problem = question->problem(answers, answer);
	if (problem == NULL && question->key != NULL)
		problem = settings_value_is("client", question->key, answer);
	return problem;
}

int setup_answer(struct setup_answers *answers, enum setup_id id, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return -1;
	free(answers->text[id]);
	answers->text[id] = copy;
	return 0;
}

void setup_answers_free(struct setup_answers *answers)
{
	for (unsigned id = 0; id < SETUP_QUESTIONS; id++)
		free(answers->text[id]);
	secret_free(answers->secret);
	*answers = (struct setup_answers){.asking = false};
}
