/*
 * The remedies of a refused login, by what is known already: a token that fits leaves Exchange's own settings, which
 * only an Exchange administrator can see. Pure. Called by server.c.
 */
#include <string.h>

#include "check/refused.h"
#include "daemon/jsondoc.h"

static bool is_app_only(const struct refused_login *login)
{
	return login->account->grant == SETTINGS_CLIENT_CREDENTIALS ||
	       login->account->grant == SETTINGS_MANAGED_IDENTITY;
}

static void put_smtp_auth(const struct refused_login *login, struct finding *finding)
{
	finding_line(finding, "Set-CASMailbox -Identity %s -SmtpClientAuthenticationDisabled $false", login->mailbox);
}

/* The token names the service principal by its object ID, which is the right one of two. */
static void put_principal(const struct refused_login *login, struct finding *finding)
{
	const char *object = jsondoc_string(login->claims, "oid"), *app = jsondoc_string(login->claims, "appid");

	if (object == NULL)
		object = "<object id of the enterprise application>";
	if (app == NULL)
		app = login->account->client->client_id != NULL ? login->account->client->client_id : "<client id>";
	finding_line(finding, "New-ServicePrincipal -AppId %.100s -ObjectId %.100s -DisplayName Mailbearer", app,
		     object);
	finding_line(finding, "Add-MailboxPermission -Identity %s -User %.100s -AccessRights FullAccess",
		     login->mailbox, object);
}

static void advise_microsoft(const struct refused_login *login, struct finding *finding)
{
	finding_line(finding, "Connect-ExchangeOnline");
	if (is_app_only(login)) {
		finding_advise(finding, "nothing is wrong with the token, so Exchange has to be told: make the service "
					"principal known there, give it the mailbox, and allow SMTP AUTH; it takes up "
					"to an hour");
		put_principal(login, finding);
		put_smtp_auth(login, finding);
		return;
	}
	finding_advise(
	    finding,
	    "nothing is wrong with the token, so have an Exchange administrator look at the mailbox: is SMTP "
	    "AUTH allowed for it, is %s its user principal name, has it a licence?",
	    login->mailbox);
	finding_line(finding, "Get-CASMailbox -Identity %s | Format-List SmtpClientAuthenticationDisabled",
		     login->mailbox);
	put_smtp_auth(login, finding);
	finding_line(finding, "Get-Mailbox -Identity %s | Format-List UserPrincipalName,SKUAssigned", login->mailbox);
}

void refused_advise(const struct refused_login *login, struct finding *finding)
{
	if (!login->claims_fit) {
		finding_advise(finding,
			       "do first what stands below claims: the server takes no token that is not for it");
	} else if (strcmp(login->account->client->provider->name, "microsoft") == 0) {
		advise_microsoft(login, finding);
	} else {
		finding_advise(finding,
			       "see that %s may send by SMTP with this provider, and that scope is the one for mail; "
			       "then sign in again",
			       login->mailbox);
		finding_line(finding, "%s login %s", login->program, login->account->name);
	}
}
