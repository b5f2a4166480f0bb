#ifndef MAILBEARER_DAEMON_PROVIDER_H
#define MAILBEARER_DAEMON_PROVIDER_H

#include <stdbool.h>

/*
 * What is known about a mail provider, as data: endpoints, scopes and the submission server, so that a
 * configuration names a provider and a tenant instead of six addresses. Pure; everything is constant and lives as
 * long as the process.
 */
struct provider {
	const char *name;  /* "microsoft" */
	const char *cloud; /* "public"; NULL where the provider has but one */
	bool verified;     /* read in the provider's own documentation; else from the field */
	bool tenant;       /* the endpoints hold %s, where the tenant goes */
	const char *default_tenant;
	const char *metadata_url; /* OpenID Connect metadata document; NULL: none, the endpoints below count */
	const char *authorization_endpoint;
	const char *token_endpoint;
	const char *device_authorization_endpoint; /* NULL: the provider has none, or none that may send mail */
	const char *authorization_extra;           /* "name=value&...", encoded, besides RFC 6749's; or NULL */
	const char *device_warning;                /* what a person should know of the device flow; or NULL */
	const char *scope_user;                    /* for a grant that a person gave */
	const char *scope_identity;                /* asked for at a sign-in to learn whose it is; NULL: nothing */
	const char *scope_application;             /* for client_credentials; NULL: the provider has none */
	const char *resource;                      /* for managed_identity; NULL: none */
	int unused_days; /* it keeps a refresh token for so long that nobody uses; 0: not known */
	int trial_days;  /* it ends the refresh tokens of an app that is not published after so long; 0: it does not */
	const char *relayhost;           /* "[smtp.office365.com]:587"; NULL: must be configured */
	bool public_client_sends_secret; /* Google: an installed app has a secret that is none */
};

/* The preset, or NULL. cloud NULL means the provider's first. */
const struct provider *provider_find(const char *name, const char *cloud);

/* The i-th preset from 0, or NULL after the last: for messages, tests and documents. */
const struct provider *provider_at(unsigned i);

/* Where a machine is told its own identity: "vm", "arc"; NULL for "app-service", which says so in the environment. */
const char *provider_identity_endpoint(const char *kind);

#endif
