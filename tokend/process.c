/*
 * The daemon as a process: start order, signals, reload, and the same order backwards. Called by main(); what tokens
 * and frames are is nobody's business here.
 */
#include <errno.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/jsondoc.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/privs.h"
#include "daemon/settings.h"
#include "tokend/access.h"
#include "tokend/broker.h"
#include "tokend/http.h"
#include "tokend/jwt.h"
#include "tokend/loop.h"
#include "tokend/process.h"
#include "tokend/sandbox.h"
#include "tokend/seal.h"
#include "tokend/server.h"
#include "tokend/store_file.h"

#define DRAIN_MS 2000   /* for answers to clients, at the end */
#define REQUEST_MS 4000 /* for requests in flight, counted from the same moment */
#define DRAIN_STEP_MS 20

struct process {
	const char *conf;
	struct settings *settings; /* until the broker owns them */
	struct store *store;
	struct loop *loop;
	struct http *http;
	struct broker *broker;
	struct server *server;
	struct loop_timer *watchdog;
	struct loop_timer *drain;
	int64_t drain_began;
};

/* --- who may ask -------------------------------------------------------------------------------------------------- */

static void add_token_user(struct access_rules *rules, const char *name)
{
	const struct passwd *pw = getpwnam(name);

	if (pw == NULL)
		log_event(EVENT_UNKNOWN_USER, NULL, log_text("user", name),
			  log_text("remedy",
				   "correct token_users, unless that mail server is yet to be installed; then reload"));
	else if (rules->token_user_count < ACCESS_USERS_MAX)
		rules->token_users[rules->token_user_count++] = pw->pw_uid;
}

static void apply_access(struct process *process)
{
	const struct settings *settings = broker_settings(process->broker);
	struct access_rules rules = {.self = geteuid()};
	const struct passwd *milter = getpwnam(settings->milter.user);

	if (milter != NULL) {
		rules.has_milter = true;
		rules.milter = milter->pw_uid;
	}
	for (size_t i = 0; i < settings->tokend.token_users.count; i++)
		add_token_user(&rules, settings->tokend.token_users.items[i]);
	server_set_access(process->server, &rules, settings->path);
}

/* --- reload ------------------------------------------------------------------------------------------------------- */

static bool same_list(const struct settings_list *a, const struct settings_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

/* What of the new settings only a restart brings into force; NULL: nothing. */
static const char *wants_restart(const struct settings_tokend *old, const struct settings_tokend *new)
{
	if (!same_list(&old->listen, &new->listen))
		return "listen";
	if (strcmp(old->state_directory, new->state_directory) != 0)
		return "state_directory";
	if (strcmp(old->seal_key_file, new->seal_key_file) != 0)
		return "seal_key_file";
	if (strcmp(old->user, new->user) != 0)
		return "user";
	if (strcmp(old->seccomp, new->seccomp) != 0)
		return "seccomp";
	return strcmp(old->log, new->log) != 0 ? "log" : NULL;
}

static int reload_settings(struct process *process, const char **restart, struct err *err)
{
	struct settings *settings = NULL;

	if (settings_load(process->conf, &settings, err) != 0)
		return -1;
	*restart = wants_restart(&broker_settings(process->broker)->tokend, &settings->tokend);
	if (settings_check_files(settings, SETTINGS_BY_TOKEND, err) != 0 ||
	    broker_configure(process->broker, settings, err) != 0) {
		settings_free(settings);
		return -1;
	}
	apply_access(process);
	return 0;
}

static int reload(void *arg, struct buf *text, struct err *err)
{
	struct process *process = arg;
	const char *restart = NULL;
	int status;

	notify_reloading();
	status = reload_settings(process, &restart, err);
	if (status != 0) {
		log_event(EVENT_RELOAD_FAILED, NULL, log_text("reason", err->text),
			  log_text("remedy", "the old settings stay in force; correct the file and reload again"));
		notify_ready("serving with the old settings: the last reload failed");
		return -1;
	}
	log_event(EVENT_RELOADED, NULL,
		  log_number("accounts", (int64_t)broker_settings(process->broker)->account_count),
		  log_text("needs_restart_for", restart));
	notify_ready("serving");
	if (text != NULL)
		buf_printf(text, "%zu accounts%s%s", broker_settings(process->broker)->account_count,
			   restart ? "; restart tokend for the new value of " : "", restart ? restart : "");
	return 0;
}

/* --- signals and the watchdog ------------------------------------------------------------------------------------- */

static void on_hangup(void *arg, int signo)
{
	struct err err = {.code = ERR_NONE};

	(void)signo;
	(void)reload(arg, NULL, &err); /* logs its failure itself */
}

static void on_terminate(void *arg, int signo)
{
	struct process *process = arg;

	log_event(EVENT_STOPPING, NULL, log_number("signal", signo));
	notify_stopping();
	loop_stop(process->loop);
}

static void on_watchdog(void *arg)
{
	struct process *process = arg;

	notify_watchdog();
	loop_timer_set(process->watchdog, notify_watchdog_interval());
}

static int set_signals(struct process *process, struct err *err)
{
	signal(SIGPIPE, SIG_IGN);
	process->watchdog = loop_timer_new(process->loop, on_watchdog, process);
	if (process->watchdog == NULL || loop_on_signal(process->loop, SIGHUP, on_hangup, process) != 0 ||
	    loop_on_signal(process->loop, SIGTERM, on_terminate, process) != 0 ||
	    loop_on_signal(process->loop, SIGINT, on_terminate, process) != 0)
		return err_set(err, ERR_SYSTEM, "cannot set up signals");
	if (notify_watchdog_interval() > 0)
		loop_timer_set(process->watchdog, notify_watchdog_interval());
	return 0;
}

/* --- start -------------------------------------------------------------------------------------------------------- */

/* An smtp(8) that connects has not asked yet. To be put in its place at once, on the same CPU, would be in vain, and
 * twice the work for each mail. */
static void wait_ones_turn(void)
{
#ifdef SCHED_BATCH
	const struct sched_param none = {.sched_priority = 0};

	sched_setscheduler(0, SCHED_BATCH, &none);
#endif
}

/* What only root can do, then never again root. */
static int give_up_root(const struct settings_tokend *settings, struct err *err)
{
	for (size_t i = 0; i < settings->listen.count; i++)
		if (privs_make_folder_for(settings->listen.items[i], settings->user, err) != 0)
			return -1;
	if (privs_make_folder_for(settings->state_directory, settings->user, err) != 0)
		return -1;
	return privs_become(settings->user, err);
}

/* A new key in the place of one that was there costs every grant, so it is the last thing to be thought of. */
static int explain_seal_key(const struct settings_tokend *settings, struct err *err)
{
	const char *path = settings->seal_key_file, *user = settings->user;
	struct err why = *err;

	if (*path != '/')
		return err_prefix(err, "seal_key_file");
	return err_set(err, why.code,
		       "seal_key_file: %s; put the copy of it back. A new one, with which every mailbox has to be "
		       "signed in again: (umask 077; openssl rand -hex 32 >%s && chown %s %s)",
		       why.text, path, user, path);
}

static int open_store(struct process *process, struct err *err)
{
	const struct settings_tokend *settings = &process->settings->tokend;
	struct secret *hex = settings_read_secret(settings->seal_key_file, err);
	struct seal_key *key = hex != NULL ? seal_key_new(hex, err) : NULL;

	if (hex != NULL && key == NULL)
		err_prefix(err, "%s", settings->seal_key_file);
	secret_free(hex);
	if (key == NULL)
		return explain_seal_key(settings, err);
	process->store = store_open(settings->state_directory, key, err);
	return process->store != NULL ? 0 : -1;
}

static int open_engine(struct process *process, struct err *err)
{
	process->loop = loop_new(err);
	if (process->loop == NULL)
		return -1;
	if (store_start_writer(process->store, process->loop, err) != 0)
		return -1;
	process->http = http_new(process->loop, err);
	if (process->http == NULL)
		return -1;
	process->broker = broker_new(process->loop, process->http, process->store, err);
	if (process->broker == NULL || broker_configure(process->broker, process->settings, err) != 0)
		return -1;
	process->settings = NULL;
	process->server = server_new(process->loop, process->broker, reload, process, err);
	return process->server != NULL ? 0 : -1;
}

static bool folder_exists(const char *path)
{
	char folder[4096];
	struct stat there;
	const char *slash = strrchr(path, '/');

	if (slash == NULL || (size_t)(slash - path) >= sizeof folder)
		return true;
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	return folder[0] == '\0' || stat(folder, &there) == 0;
}

/* A socket whose folder is not there is left out if another one works: the default names Postfix's queue directory. */
static int open_sockets(struct process *process, struct err *err)
{
	const struct settings_list *paths = &broker_settings(process->broker)->tokend.listen;
	size_t open = 0;

	for (size_t i = 0; i < paths->count; i++) {
		const char *path = paths->items[i];

		if (!folder_exists(path)) {
			err_set(err, ERR_NOT_FOUND, "cannot listen at %s: there is no such folder", path);
			log_event(
			    EVENT_NOT_LISTENING, NULL, log_text("socket", path),
			    log_text("reason", "there is no such folder"),
			    log_text("remedy", "make the folder and restart, or take the path out of tokend's listen"));
			continue;
		}
		if (server_listen(process->server, path, err) != 0)
			return -1;
		log_event(EVENT_LISTENING, NULL, log_text("socket", path));
		open++;
	}
	return open > 0 ? 0 : -1;
}

/* Once all is open. Whether it is wanted was asked of the file that broker_settings() holds now. */
static int confine(struct process *process, struct err *err)
{
	if (strcmp(broker_settings(process->broker)->tokend.seccomp, "off") == 0)
		return 0;
	return sandbox_enter(err);
}

static int start(struct process *process, const struct options *options, struct err *err)
{
	if (settings_load(process->conf, &process->settings, err) != 0)
		return -1;
	options_open_log(options, process->settings->tokend.log);
	privs_raise_descriptors(); /* a thousand mail processes are a thousand descriptors */
	wait_ones_turn();
	if ((!options->foreground && privs_daemonize(err) != 0) || give_up_root(&process->settings->tokend, err) != 0 ||
	    settings_check_files(process->settings, SETTINGS_BY_TOKEND, err) != 0 || open_store(process, err) != 0 ||
	    open_engine(process, err) != 0 || set_signals(process, err) != 0)
		return -1;
	apply_access(process);
	if (open_sockets(process, err) != 0)
		return -1;
	return confine(process, err);
}

struct process *process_start(const struct options *options, struct err *err)
{
	struct process *process = calloc(1, sizeof *process);

	jsondoc_init();
	jwt_init();
	if (process == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	process->conf = options->conf;
	if (start(process, options, err) != 0) {
		process_stop(process);
		return NULL;
	}
	log_event(EVENT_STARTED, NULL, log_text("version", PACKAGE_VERSION), log_text("configuration", process->conf),
		  log_number("accounts", (int64_t)broker_settings(process->broker)->account_count));
	privs_daemonize_done();
	notify_ready("serving");
	return process;
}

int process_run(struct process *process, struct err *err)
{
	return loop_run(process->loop, err);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static void on_drained(void *arg)
{
	struct process *process = arg;
	int64_t passed = loop_now(process->loop) - process->drain_began;

	if ((server_busy(process->server) && passed < DRAIN_MS) ||
	    (broker_busy(process->broker) && passed < REQUEST_MS))
		loop_timer_set(process->drain, DRAIN_STEP_MS);
	else
		loop_stop(process->loop);
}

/* Lets the last answers out, and those of the token endpoint in: one may hold a refresh token in the place of one that
 * is spent. Nobody is waited for long. */
static void drain(struct process *process)
{
	process->drain = loop_timer_new(process->loop, on_drained, process);
	if (process->drain == NULL)
		return;
	process->drain_began = loop_now(process->loop);
	loop_timer_set(process->drain, 0);
	(void)loop_run(process->loop, NULL);
}

void process_stop(struct process *process)
{
	if (process == NULL)
		return;
	if (process->server != NULL) {
		server_stop(process->server);
		broker_stop(process->broker);
		drain(process);
	}
	broker_free(process->broker);
	server_free(process->server);
	http_free(process->http);
	loop_timer_free(process->drain);
	loop_timer_free(process->watchdog);
	store_close(process->store);
	loop_free(process->loop);
	settings_free(process->settings);
	free(process);
	log_close();
}
