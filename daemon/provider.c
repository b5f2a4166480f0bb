/*
 * The presets of mail providers: a table of data and its look-up. Pure. `verified` is set only where the provider's own
 * documentation was read; the others come from what clients in the field use. Called by settings.
 */
#include <stddef.h>
#include <string.h>

#include "daemon/provider.h"

#define METADATA "/%s/v2.0/.well-known/openid-configuration"

/* Microsoft's own advice on "authentication flows" of Conditional Access */
#define DEVICE_WARNING                                                                                                 \
	"Microsoft advises tenants to block this flow. A policy that does so later ends what is signed in now "        \
	"(AADSTS530036): sign in by --browser or --paste if you can."

static const struct provider providers[] = {
    {
	.name = "microsoft",
	.cloud = "public",
	.verified = true,
	.tenant = true,
	.default_tenant = "organizations",
	.metadata_url = "https://login.microsoftonline.com" METADATA,
	.authorization_extra = "response_mode=query",
	.device_warning = DEVICE_WARNING,
	.scope_user = "https://outlook.office.com/SMTP.Send offline_access",
	.unused_days = 90,
	.scope_identity = "openid profile",
	.scope_application = "https://outlook.office365.com/.default",
	.resource = "https://outlook.office365.com",
	.relayhost = "[smtp.office365.com]:587",
    },
    {
	.name = "microsoft",
	.cloud = "gcc-high",
	.tenant = true,
	.default_tenant = "organizations",
	.metadata_url = "https://login.microsoftonline.us" METADATA,
	.authorization_extra = "response_mode=query",
	.device_warning = DEVICE_WARNING,
	.scope_user = "https://outlook.office365.us/SMTP.Send offline_access",
	.unused_days = 90,
	.scope_identity = "openid profile",
	.scope_application = "https://outlook.office365.us/.default",
	.resource = "https://outlook.office365.us",
	.relayhost = "[outlook.office365.us]:587",
    },
    {
	.name = "microsoft",
	.cloud = "dod",
	.tenant = true,
	.default_tenant = "organizations",
	.metadata_url = "https://login.microsoftonline.us" METADATA,
	.authorization_extra = "response_mode=query",
	.device_warning = DEVICE_WARNING,
	.scope_user = "https://outlook-dod.office365.us/SMTP.Send offline_access",
	.unused_days = 90,
	.scope_identity = "openid profile",
	.scope_application = "https://outlook-dod.office365.us/.default",
	.resource = "https://outlook-dod.office365.us",
	.relayhost = "[outlook-dod.office365.us]:587",
    },
    {
	.name = "microsoft",
	.cloud = "china",
	.tenant = true,
	.default_tenant = "organizations",
	.metadata_url = "https://login.partner.microsoftonline.cn" METADATA,
	.authorization_extra = "response_mode=query",
	.device_warning = DEVICE_WARNING,
	.scope_user = "https://partner.outlook.cn/SMTP.Send offline_access",
	.unused_days = 90,
	.scope_identity = "openid profile",
	.scope_application = "https://partner.outlook.cn/.default",
	.resource = "https://partner.outlook.cn",
	.relayhost = "[smtp.partner.outlook.cn]:587",
    },
    {
	.name = "outlook",
	.tenant = true,
	.default_tenant = "consumers",
	.metadata_url = "https://login.microsoftonline.com" METADATA,
	.authorization_extra = "response_mode=query",
	.device_warning = DEVICE_WARNING,
	.scope_user = "https://outlook.office.com/SMTP.Send offline_access",
	.unused_days = 90,
	.scope_identity = "openid profile",
	.relayhost = "[smtp-mail.outlook.com]:587",
    },
    {
	/* Its device flow may not ask for mail, so the metadata document, which offers it, is not used. */
	.name = "google",
	.verified = true,
	.authorization_endpoint = "https://accounts.google.com/o/oauth2/v2/auth",
	.token_endpoint = "https://oauth2.googleapis.com/token",
	.authorization_extra = "access_type=offline&prompt=consent", /* else there is no refresh token */
	.scope_user = "https://mail.google.com/",
	.unused_days = 180,
	.trial_days = 7,
	.scope_identity = "openid email",
	.relayhost = "[smtp.gmail.com]:587",
	.public_client_sends_secret = true,
    },
    {
	.name = "yahoo",
	.authorization_endpoint = "https://api.login.yahoo.com/oauth2/request_auth",
	.token_endpoint = "https://api.login.yahoo.com/oauth2/get_token",
	.scope_user = "mail-w",
	.relayhost = "[smtp.mail.yahoo.com]:587",
    },
    {
	.name = "aol",
	.authorization_endpoint = "https://api.login.aol.com/oauth2/request_auth",
	.token_endpoint = "https://api.login.aol.com/oauth2/get_token",
	.scope_user = "mail-w",
	.relayhost = "[smtp.aol.com]:587",
    },
    {
	.name = "fastmail",
	.authorization_endpoint = "https://api.fastmail.com/oauth/authorize",
	.token_endpoint = "https://api.fastmail.com/oauth/refresh",
	.scope_user = "https://www.fastmail.com/dev/protocol-smtp offline_access",
	.relayhost = "[smtp.fastmail.com]:587",
    },
    {
	.name = "yandex",
	.authorization_endpoint = "https://oauth.yandex.com/authorize",
	.token_endpoint = "https://oauth.yandex.com/token",
	.device_authorization_endpoint = "https://oauth.yandex.com/device/code",
	.scope_user = "mail:smtp",
	.relayhost = "[smtp.yandex.com]:465",
    },
    {
	.name = "mailru",
	.authorization_endpoint = "https://o2.mail.ru/login",
	.token_endpoint = "https://o2.mail.ru/token",
	.scope_user = "mail.imap",
	.relayhost = "[smtp.mail.ru]:465",
    },
    {
	.name = "generic",
    },
};

const struct provider *provider_at(unsigned i)
{
	return i < sizeof(providers) / sizeof(providers[0]) ? &providers[i] : NULL;
}

const struct provider *provider_find(const char *name, const char *cloud)
{
	const struct provider *provider;
	unsigned i;

	for (i = 0; (provider = provider_at(i)) != NULL; i++) {
		if (strcmp(provider->name, name) != 0)
			continue;
		if (!cloud || (provider->cloud && strcmp(provider->cloud, cloud) == 0))
			return provider;
	}
	return NULL;
}

/* Azure's documentation of IMDS, and of servers with Arc. */
const char *provider_identity_endpoint(const char *kind)
{
	if (strcmp(kind, "vm") == 0)
		return "http://169.254.169.254/metadata/identity/oauth2/token";
	return strcmp(kind, "arc") == 0 ? "http://localhost:40342/metadata/identity/oauth2/token" : NULL;
}
