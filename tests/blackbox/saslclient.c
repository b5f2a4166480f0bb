/*
 * Drives the SASL plugin through the real libsasl2, as an MTA does, and prints what happens; test_plugin.py reads that.
 * The plugin's folder comes from SASL_PATH. By itself it is Postfix's smtp(8): callbacks for AUTHNAME and PASS only, no
 * addresses, no external layer; with -s and -r it is Sendmail.
 *
 * One line each, in order: "new RESULT", "start RESULT", "mech NAME", "step RESULT", after start and each step "out
 * NULL" or "out LENGTH BASE64", "descriptors BEFORE AFTER" at the end; "log LEVEL TEXT" wherever libsasl2 or the plugin
 * logs.
 */
#include <dirent.h>
#include <getopt.h>
#include <sasl/sasl.h>
#include <sasl/saslutil.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHALLENGES_MAX 8
#define ENCODED_MAX (256 * 1024)

struct options {
	const char *mechs;
	const char *user;
	const char *password;
	const char *host;
	const char *remote;      /* "ADDRESS;PORT", or NULL */
	sasl_ssf_t external_ssf; /* 0: not set */
	unsigned security_flags;
	const char *challenges[CHALLENGES_MAX]; /* in base64; "NULL": a NULL pointer */
	int challenge_count;
	int sessions;
	bool null_prompts; /* callbacks without a function: the caller would prompt */
	bool loud;         /* log_level 7 */
};

static int on_log(void *context, int level, const char *message)
{
	(void)context;
	printf("log %d %s\n", level, message);
	return SASL_OK;
}

static int on_getopt(void *context, const char *plugin, const char *option, const char **result, unsigned *len)
{
	(void)context;
	(void)plugin;
	if (strcmp(option, "log_level") != 0)
		return SASL_FAIL;
	*result = "7";
	if (len != NULL)
		*len = 1;
	return SASL_OK;
}

static int on_user(void *context, int id, const char **result, unsigned *len)
{
	const struct options *options = context;

	(void)id;
	*result = options->user;
	if (len != NULL)
		*len = options->user != NULL ? (unsigned)strlen(options->user) : 0;
	return SASL_OK;
}

static sasl_secret_t *secret;

static int on_password(sasl_conn_t *conn, void *context, int id, sasl_secret_t **result)
{
	(void)conn;
	(void)context;
	(void)id;
	*result = secret;
	return SASL_OK;
}

static void make_secret(const char *password)
{
	size_t len = strlen(password);

	secret = calloc(1, sizeof *secret + len + 1);
	if (secret == NULL)
		exit(2);
	secret->len = len;
	memcpy(secret->data, password, len);
}

static void print_out(const char *out, unsigned len)
{
	static char encoded[ENCODED_MAX];

	if (out == NULL) {
		printf("out NULL\n");
		return;
	}
	if (sasl_encode64(out, len, encoded, sizeof encoded, NULL) != SASL_OK)
		exit(2);
	printf("out %u %s\n", len, encoded);
}

static int take_step(sasl_conn_t *conn, const char *challenge)
{
	static char decoded[ENCODED_MAX];
	const char *out = NULL;
	unsigned decoded_len = 0, len = 0;
	bool null = strcmp(challenge, "NULL") == 0;
	int result;

	if (!null && sasl_decode64(challenge, (unsigned)strlen(challenge), decoded, sizeof decoded, &decoded_len) != 0)
		exit(2);
	result = sasl_client_step(conn, null ? NULL : decoded, decoded_len, NULL, &out, &len);
	printf("step %d\n", result);
	if (result == SASL_OK || result == SASL_CONTINUE)
		print_out(out, len);
	return result;
}

static void set_properties(sasl_conn_t *conn, const struct options *options)
{
	sasl_security_properties_t properties = {.security_flags = options->security_flags};

	if (sasl_setprop(conn, SASL_SEC_PROPS, &properties) != SASL_OK)
		exit(2);
	if (options->external_ssf != 0 && sasl_setprop(conn, SASL_SSF_EXTERNAL, &options->external_ssf) != SASL_OK)
		exit(2);
	if (options->remote != NULL && sasl_setprop(conn, SASL_IPREMOTEPORT, options->remote) != SASL_OK)
		exit(2);
}

static void run_session(const struct options *options)
{
	void (*user)(void) = options->null_prompts ? NULL : (void (*)(void))on_user;
	void (*password)(void) = options->null_prompts ? NULL : (void (*)(void))on_password;
	sasl_callback_t callbacks[] = {
	    {SASL_CB_AUTHNAME, (int (*)(void))user, (void *)options},
	    {SASL_CB_PASS, (int (*)(void))password, NULL},
	    {SASL_CB_LIST_END, NULL, NULL},
	};
	sasl_conn_t *conn = NULL;
	const char *out = NULL, *mech = NULL;
	unsigned len = 0;
	int result = sasl_client_new("smtp", options->host, NULL, NULL, callbacks, 0, &conn);

	printf("new %d\n", result);
	if (result != SASL_OK)
		return;
	set_properties(conn, options);
	result = sasl_client_start(conn, options->mechs, NULL, &out, &len, &mech);
	printf("start %d\nmech %s\n", result, mech != NULL ? mech : "NULL");
	if (result == SASL_OK || result == SASL_CONTINUE)
		print_out(out, len);
	for (int i = 0; i < options->challenge_count && (result == SASL_OK || result == SASL_CONTINUE); i++)
		result = take_step(conn, options->challenges[i]);
	sasl_dispose(&conn);
}

static int count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	while (folder != NULL && readdir(folder) != NULL)
		count++;
	if (folder != NULL)
		closedir(folder);
	return count;
}

static void fail_usage(void)
{
	fprintf(stderr, "usage: saslclient [-m MECHS] [-u USER] [-p PASSWORD] [-h HOST] [-r ADDRESS;PORT] [-s SSF] "
			"[-c CHALLENGE]... [-n SESSIONS] [-P] [-l] [-N]\n");
	exit(2);
}

static void parse_options(int argc, char **argv, struct options *options)
{
	int c;

	while ((c = getopt(argc, argv, "m:u:p:h:r:s:c:n:PlN")) != -1) {
		switch (c) {
		case 'm':
			options->mechs = optarg;
			break;
		case 'u':
			options->user = optarg;
			break;
		case 'p':
			options->password = optarg;
			break;
		case 'h':
			options->host = optarg;
			break;
		case 'r':
			options->remote = optarg;
			break;
		case 's':
			options->external_ssf = (sasl_ssf_t)atoi(optarg);
			break;
		case 'n':
			options->sessions = atoi(optarg);
			break;
		case 'P':
			options->null_prompts = true;
			break;
		case 'l':
			options->loud = true;
			break;
		case 'N':
			options->security_flags |= SASL_SEC_NOPLAINTEXT;
			break;
		case 'c':
			if (options->challenge_count == CHALLENGES_MAX)
				fail_usage();
			options->challenges[options->challenge_count++] = optarg;
			break;
		default:
			fail_usage();
		}
	}
}

int main(int argc, char **argv)
{
	struct options options = {.mechs = "XOAUTH2",
				  .user = "relay@contoso.com",
				  .password = "tokend",
				  .host = "smtp.office365.com",
				  .sessions = 1};
	sasl_callback_t callbacks[] = {
	    {SASL_CB_LOG, (int (*)(void))(void (*)(void))on_log, NULL},
	    {SASL_CB_LIST_END, NULL, NULL},
	    {SASL_CB_LIST_END, NULL, NULL},
	};
	int before;

	parse_options(argc, argv, &options);
	if (options.loud)
		callbacks[1] = (sasl_callback_t){SASL_CB_GETOPT, (int (*)(void))(void (*)(void))on_getopt, NULL};
	make_secret(options.password);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (sasl_client_init(callbacks) != SASL_OK)
		return 2;
	before = count_descriptors();
	for (int i = 0; i < options.sessions; i++)
		run_session(&options);
	printf("descriptors %d %d\n", before, count_descriptors());
	sasl_client_done();
	free(secret);
	return 0;
}
