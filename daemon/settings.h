#ifndef MAILBEARER_DAEMON_SETTINGS_H
#define MAILBEARER_DAEMON_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/provider.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/secret.h"

/*
 * mailbearer.conf(5), parsed once into constant structs and pushed down. libconfuse is called in settings_load.c only.
 * No secret is in here: files that hold one are named. All strings belong to the settings object, are never
 * NULL unless this says "or NULL", and live until settings_free. Account names and addresses are in lower case.
 */

enum settings_grant {
	SETTINGS_REFRESH_TOKEN,
	SETTINGS_CLIENT_CREDENTIALS,
	SETTINGS_MANAGED_IDENTITY,
	SETTINGS_JWT_BEARER
};

struct settings_list {
	size_t count;
	char **items;
};

struct settings_client {
	const char *name;
	int line; /* of the configuration file, where the section begins */
	const struct provider *provider;
	const char *tenant;                 /* or NULL */
	const char *metadata_url;           /* or NULL: then token_endpoint is set, but where it is not needed */
	const char *authorization_endpoint; /* or NULL; wins over the metadata's */
	const char *token_endpoint;         /* or NULL; wins over the metadata's. For a managed identity, its own;
						 NULL: the environment tells. Service account: NULL: its file tells */
	const char *device_authorization_endpoint; /* or NULL; wins over the metadata's */
	const char *client_id;                     /* or NULL for managed identity and service accounts */
	const char *client_secret_file;            /* or NULL: a public client */
	int64_t client_secret_expires;             /* seconds since 1970, or 0 */
	const char *client_certificate;            /* a path or OpenSSL's URI; or NULL */
	const char *client_key;                    /* a path, credential:NAME or OpenSSL's URI; or NULL */
	const char *client_key_passphrase_file;    /* or NULL: it has none */
	const char *assertion_algorithm;           /* "PS256" or "RS256" */
	const char *federated_token_file;          /* or NULL */
	const char *managed_identity;              /* or NULL; "vm", "arc", "app-service" */
	const char *service_account_file;          /* or NULL */
	const char *scope;                         /* or NULL: the provider's for the grant */
	const char *redirect_uri;
	const char *ca_file;   /* or NULL: the system's */
	const char *proxy;     /* or NULL: none (the environment's proxy variables are not used) */
	const char *relayhost; /* "[host]:port" of the submission server */
	int timeout;           /* seconds, 1 to 20, for one request as a whole */
};

struct settings_account {
	const char *name; /* "relay@contoso.com", or "*@factory.contoso.com" */
	int line;
	const struct settings_client *client;
	enum settings_grant grant;
	struct settings_list send_as; /* addresses and "*@domain" */
	int min_validity;             /* seconds; 60 unless set; at most 3000 */
	const char *transport;        /* the smtp transport in master.cf that carries this account */
};

struct settings_connector {
	const char *name;
	int line;
	const char *relayhost;
	struct settings_list senders;
};

struct settings_tokend {
	struct settings_list listen;
	const char *state_directory;
	const char *seal_key_file;
	struct settings_list token_users;
	const char *user;    /* to run as when started as root */
	const char *log;     /* "syslog" or "stderr" */
	const char *seccomp; /* "on" or "off" */
};

struct settings_milter {
	int line;                     /* 0: the section does not stand in the file */
	const char *listen;           /* "unix:/PATH", "local:/PATH", "inet:PORT@HOST", "inet6:PORT@HOST" */
	const char *mode;             /* "off", "monitor", "rewrite", "reject" */
	const char *default_account;  /* or NULL */
	const char *user;             /* to run as when started as root */
	const char *log;              /* "syslog" or "stderr" */
	int max_message_size;         /* bytes; this and the next three: 0 is no limit */
	int max_recipients;           /* of a message */
	int max_recipients_per_day;   /* of a mailbox */
	int max_messages_per_minute;  /* of a client */
	const char *when_unusable;    /* "accept" or "tempfail" */
	int unusable_grace;           /* seconds */
	struct settings_list mailers; /* of the MTA, that lead elsewhere; in lower case */
	struct settings_list hosts;   /* next hops that lead elsewhere; in lower case */
};

/* What the milter does with some senders: each list that is not empty must have an entry that fits. */
struct settings_rule {
	const char *name;
	int line;
	struct settings_list clients;           /* addresses and networks, as network.h reads them */
	struct settings_list logins;            /* in lower case, as the next two */
	struct settings_list listeners;         /* names or ports */
	struct settings_list senders;           /* addresses, "*@domain", "<>" */
	const char *mode;                       /* or NULL: the milter section's */
	const struct settings_account *account; /* or NULL: as without the rule */
	const char *address;                    /* one of the account's own; or NULL */
};

struct settings_submit {
	bool refuse_bare_newlines; /* a CR or LF that is no line end: refused, not repaired */
	int connections;           /* at a time to one mailbox, 1 to 20 */
	const char *helo_name;     /* or NULL: the system's */
	const char *lock_directory;
	const char *log; /* "syslog" or "stderr" */
};

struct settings {
	const char *path;
	uint64_t digest;   /* of the file's bytes: tells two states of it apart, and proves nothing */
	int64_t loaded_at; /* seconds since 1970 */
	size_t client_count;
	struct settings_client *clients;
	size_t account_count;
	struct settings_account *accounts; /* in the file's order */
	size_t connector_count;
	struct settings_connector *connectors;
	struct settings_tokend tokend;
	struct settings_milter milter;
	size_t rule_count;
	struct settings_rule *rules; /* in the file's order */
	struct settings_submit submit;
};

/*
 * Reads and proves the file: syntax, unknown keys, types, ranges, placeholders left in, Graph scopes, http://
 * endpoints, contradictions (a secret and a certificate; an address that belongs to two accounts).
 * 0 with *out to be freed, or -1 with a text "FILE:LINE: what is wrong; what would be right" (the line left out
 * where it is not known). Blocks on the file only; takes at most 16 MiB. Not for two threads at once: libconfuse's
 * lexer is global.
 */
int settings_load(const char *path, struct settings **out, struct err *err);

/* NULL is legal. */
void settings_free(struct settings *settings);

/* A sender that the settings name, and whose it is. The order of the sources is their precedence. */
enum settings_source { SETTINGS_NAME, SETTINGS_SEND_AS, SETTINGS_SENDERS };

struct settings_address {
	const char *address; /* in lower case; "*@domain" for a pattern */
	enum settings_source source;
	const struct settings_account *account;     /* or NULL */
	const struct settings_connector *connector; /* or NULL; never both */
};

/* All of them, sorted by address and source; to be freed with free(3), and before the settings. NULL with *err set:
 * ERR_MEMORY, or ERR_CONFIG when one address has two owners (names both with their lines). */
struct settings_address *settings_addresses(const struct settings *settings, size_t *count, struct err *err);

/* Of these: the one that is this address (in lower case), and the one that is its domain's pattern; or NULL. */
const struct settings_address *settings_addresses_exact(const struct settings_address *addresses, size_t count,
							const char *address);
const struct settings_address *settings_addresses_pattern(const struct settings_address *addresses, size_t count,
							  const char *address);

enum settings_reader {
	SETTINGS_BY_TOKEND,
	SETTINGS_BY_ANOTHER /* who has none of the credentials that systemd gives tokend alone, and leaves them out */
};

/*
 * Proves the files that the settings name: secret files exist, are regular, readable by us, not readable by others,
 * not empty. Run as the user who will read them. 0, or -1 with the remedy in the text.
 */
int settings_check_files(const struct settings *settings, enum settings_reader reader, struct err *err);

/*
 * Reads a file that holds one secret, on one line: trailing newlines are dropped; bounds: 1 byte to SECRET_MAX.
 * "credential:NAME" reads $CREDENTIALS_DIRECTORY/NAME (systemd.exec(5), LoadCredential=). Refuses what others may
 * read. NULL with *err set.
 */
struct secret *settings_read_secret(const char *path, struct err *err);

/* The same for a file of several lines, which is taken as it is. */
struct secret *settings_read_secret_file(const char *path, struct err *err);

/* The same for a token of one line that the platform writes and replaces: it sets the mode, so everybody may read the
 * file, but not write it. */
struct secret *settings_read_platform_token(const char *path, struct err *err);

/* Appends the path of a secret's file, which may be named "credential:NAME". 0 or -1. */
int settings_secret_path(const char *name, struct buf *out, struct err *err);

/* Is this the URI of something in a token or a store (pkcs11:...), and not a file's name? */
bool settings_is_uri(const char *name);

/* Is the host of this http:// URL one that never leaves the machine (loopback, link-local)? */
bool settings_url_is_local(const char *url);

/* Is this a value that the key of a section may have, or a section's title? NULL: yes; else what would be right, in
 * words that follow "KEY: ". Never quotes it. Section and key must exist. */
const char *settings_value_is(const char *section, const char *key, const char *value);
const char *settings_title_is(const char *section, const char *title);

/* "refresh_token", "client_credentials", "managed_identity", "jwt_bearer". */
const char *settings_grant_name(enum settings_grant grant);

/* Every key there is, for the test that compares them with the manual: "tokend.listen", ..., NULL at the end. Lives
 * until the next call. */
const char *settings_key_at(unsigned i);

#endif
