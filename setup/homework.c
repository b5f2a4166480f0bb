/*
 * The provider's side of the set-up, as text. Pure. The steps are those of mailbearer-setup(7); a test compares them.
 * Called by flow.c.
 */
#include <string.h>

#include "setup/homework.h"

#define WORD_MAX 512

struct words {
	const char *mailbox;
	const char *client_id;
	const char *object_id; /* "<object id>": it is not known */
	const char *cloud;
	bool application;
	bool domain; /* the mailbox is all of a domain's */
	struct buf *out;
};

static void put(const struct words *words, const char *text)
{
	buf_puts(words->out, text);
}

/* As one word: in quotes where it could be anything else. quote: what stands for one inside of them. */
static void put_quoted(const struct words *words, const char *word, const char *quote)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@._-";

	if (word[strspn(word, plain)] == '\0' && *word != '@') {
		put(words, word);
		return;
	}
	put(words, "'");
	for (; *word != '\0'; word++)
		buf_printf(words->out, *word == '\'' ? "%s" : "%.1s", *word == '\'' ? quote : word);
	put(words, "'");
}

/* For PowerShell. */
static void put_word(const struct words *words, const char *word)
{
	put_quoted(words, word, "''");
}

/* For sh. */
static void put_shell_word(const struct words *words, const char *word)
{
	put_quoted(words, word, "'\\''");
}

/* Of all of a domain's mailboxes, one after the other. */
static void put_mailbox(const struct words *words)
{
	put_word(words, words->domain ? "<mailbox>" : words->mailbox);
}

/* --- Microsoft --- */

static const char *portal(const struct words *words)
{
	if (strcmp(words->cloud, "gcc-high") == 0 || strcmp(words->cloud, "dod") == 0)
		return "https://entra.microsoft.us";
	return strcmp(words->cloud, "china") == 0 ? "https://entra.microsoftonline.cn" : "https://entra.microsoft.com";
}

static void put_registration(const struct words *words)
{
	buf_printf(words->out, "At %s, App registrations, the application\n%s:\n", portal(words), words->client_id);
	if (words->application) {
		put(words,
		    "  * Certificates & secrets: a client secret (its Value), or the certificate's public part.\n");
		return;
	}
	put(words, "  * Authentication, Add a platform, Mobile and desktop applications: the redirect\n"
		   "    URI http://localhost\n"
		   "  * Authentication, Allow public client flows, Yes: only for --login device.\n"
		   "  * API permissions, APIs my organization uses, Office 365 Exchange Online,\n"
		   "    Delegated permissions: SMTP.Send\n"
		   "  * Where users may not consent for themselves, an administrator opens what this\n"
		   "    prints:\n"
		   "    mailbearer consent-url ");
	put_shell_word(words, words->mailbox);
	put(words, "\n");
}

static void put_connect(const struct words *words)
{
	put(words, "\nIn Exchange Online PowerShell, by an Exchange administrator:\n\n    Connect-ExchangeOnline");
	if (strcmp(words->cloud, "gcc-high") == 0)
		put(words, " -ExchangeEnvironmentName O365USGovGCCHigh");
	if (strcmp(words->cloud, "dod") == 0)
		put(words, " -ExchangeEnvironmentName O365USGovDoD");
	if (strcmp(words->cloud, "china") == 0)
		put(words, " -ExchangeEnvironmentName O365China");
	put(words, "\n    Set-CASMailbox -Identity ");
	put_mailbox(words);
	put(words, " -SmtpClientAuthenticationDisabled $false\n");
}

static void put_principal(const struct words *words)
{
	put(words, "    New-ServicePrincipal -AppId ");
	put(words, words->client_id);
	put(words, " -ObjectId ");
	put_word(words, words->object_id);
	put(words, " -DisplayName Mailbearer\n");
}

/* RBAC for Applications: the application gets what the members of a group have to give. */
static void put_rbac(const struct words *words)
{
	put(words,
	    "    New-ManagementScope -Name Mailbearer -RecipientRestrictionFilter \"MemberOfGroup -eq '<group DN>'\"\n"
	    "    New-ManagementRoleAssignment -Name Mailbearer -Role 'Application SMTP.SendAsApp' -App ");
	put(words, words->client_id);
	put(words, " -CustomResourceScope Mailbearer\n");
}

static void put_application(const struct words *words)
{
	put_principal(words);
	put(words,
	    "\n  and one of two ways. A, mailbox by mailbox, with the permission SMTP.SendAsApp (API permissions,\n"
	    "  Office 365 Exchange Online, Application permissions; then Grant admin consent):\n\n"
	    "    Add-MailboxPermission -Identity ");
	put_mailbox(words);
	put(words, " -User ");
	put_word(words, words->object_id);
	put(words, " -AccessRights FullAccess\n"
		   "\n  or B, for the members of a group, without any API permission (RBAC for Applications):\n\n");
	put_rbac(words);
	if (words->object_id[0] == '<')
		put(words, "\n  <object id> is the Object ID under Enterprise applications, not the one of the "
			   "registration.\n");
	put(words, "  Exchange takes from minutes to an hour to notice.\n");
}

static void microsoft(const struct words *words)
{
	put_registration(words);
	put_connect(words);
	if (words->application)
		put_application(words);
	else
		put(words, "\n  and the mailbox needs a licence. For another sender than the mailbox itself:\n\n"
			   "    Add-RecipientPermission <sender> -Trustee ");
	if (!words->application) {
		put_mailbox(words);
		put(words, " -AccessRights SendAs\n");
	}
	put(words, "\nSee mailbearer-setup(7).\n");
}

/* --- others --- */

static void google(const struct words *words)
{
	put(words,
	    "At https://console.cloud.google.com, APIs & Services:\n"
	    "  * OAuth consent screen: Internal for Workspace; else published, since grants of one in the state\n"
	    "    Testing end after seven days.\n"
	    "  * Credentials, OAuth client ID, Desktop app: its ID and secret are what was asked for.\n"
	    "See mailbearer-setup(7).\n");
}

static void personal(const struct words *words)
{
	buf_printf(words->out,
		   "At https://entra.microsoft.com, App registrations, the application\n%s:\n"
		   "  * Supported account types: personal Microsoft accounts.\n"
		   "  * Authentication, Mobile and desktop applications: the redirect URI http://localhost\n"
		   "See mailbearer-setup(7).\n",
		   words->client_id);
}

void homework(const struct setup_answers *answers, struct buf *out)
{
	const char *object_id = setup_text(answers, SETUP_OBJECT_ID), *cloud = setup_text(answers, SETUP_CLOUD);
	const struct words words = {
	    .mailbox = setup_text(answers, SETUP_MAILBOX),
	    .client_id = setup_text(answers, SETUP_CLIENT_ID),
	    .object_id = *object_id != '\0' ? object_id : "<object id>",
	    .cloud = *cloud != '\0' ? cloud : "public",
	    .application = setup_is(answers, SETUP_ACCESS, "application"),
	    .domain = *setup_text(answers, SETUP_MAILBOX) == '*',
	    .out = out,
	};

	if (setup_is(answers, SETUP_PROVIDER, "microsoft"))
		microsoft(&words);
	else if (setup_is(answers, SETUP_PROVIDER, "google"))
		google(&words);
	else if (setup_is(answers, SETUP_PROVIDER, "outlook"))
		personal(&words);
}
