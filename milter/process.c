/*
 * The milter as a process: start order, signals, the watchdog, and an end that loses no message. Called by main(); what
 * a message is is nobody's business here.
 *
 * libmilter waits for SIGTERM, SIGINT and SIGHUP in a thread of its own, and at each of them forgets every message
 * under way. So the signals are the main thread's, the library runs in another one, which has them blocked, and what
 * its waiting thread waits with is ours and never returns.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/privs.h"
#include "lib/deadline.h"
#include "lib/sock.h"
#include "milter/callbacks.h"
#include "milter/process.h"

#define FINISH_MS 10000     /* for messages under way, at the end */
#define LOCK_PATH_MAX 256   /* bytes; a socket's path is shorter */
#define ENDED_BY_ITSELF 'E' /* no signal's number */

struct process {
	const char *conf_path;
	struct stat seen; /* of that, before it was read */
	struct conf_keeper *keeper;
	struct judge *judge;
	const char *socket; /* the path; NULL: an internet one */
	char socket_copy[LOCK_PATH_MAX];
	int lock;
	pthread_t library;
	bool serving;
};

/* Signals, and the library's end, come to the main thread as bytes. */
static int wake_up[2] = {-1, -1};

/* --- the socket --- */

static const char *path_of(const char *listen)
{
	return strncmp(listen, "unix:", 5) == 0 || strncmp(listen, "local:", 6) == 0 ? strchr(listen, ':') + 1 : NULL;
}

/* Held until the process ends, so that nobody can take the socket away from one that lives. */
static int take_lock(struct process *process, struct err *err)
{
	char path[LOCK_PATH_MAX + sizeof(".owner")];

	snprintf(path, sizeof(path), "%s.owner", process->socket);
	process->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (process->lock < 0)
		return err_sys(err, errno, "cannot listen at %s: cannot make %s", process->socket, path);
	if (flock(process->lock, LOCK_EX | LOCK_NB) != 0)
		return err_set(err, ERR_BUSY, "cannot listen at %s: another milter runs there", process->socket);
	return 0;
}

/* libmilter binds, and would fail at what a crash has left behind. */
static int clear_socket(const char *path, struct err *err)
{
	int fd = sock_listen_unix(path, 0600, err);

	if (fd < 0)
		return -1;
	sock_unlisten_unix(path, fd);
	return 0;
}

static int open_socket(struct process *process, const char *listen, struct err *err)
{
	if (process->socket && (take_lock(process, err) != 0 || clear_socket(process->socket, err) != 0))
		return -1;
	if (callbacks_open(listen, process->keeper, process->judge, err) != 0)
		return -1;
	log_event(EVENT_LISTENING, NULL, log_text("socket", listen));
	return 0;
}

/* --- start --- */

static int give_up_root(const struct settings_milter *settings, struct err *err)
{
	const char *path = path_of(settings->listen);

	if (path && privs_make_folder_for(path, settings->user, err) != 0)
		return -1;
	return privs_become(settings->user, err);
}

/* Takes the settings over. */
static int open_engine(struct process *process, struct settings *settings, struct err *err)
{
	process->keeper = conf_keeper_new(process->conf_path, &process->seen, settings, err);
	if (!process->keeper) {
		settings_free(settings);
		return -1;
	}
	process->judge = judge_new(err);
	return process->judge ? open_socket(process, settings->milter.listen, err) : -1;
}

static int start(struct process *process, const struct options *options, struct err *err)
{
	struct settings *settings;

	(void)stat(options->conf, &process->seen);
	if (settings_load(options->conf, &settings, err) != 0)
		return -1;
	options_open_log(options, settings->milter.log);
	privs_raise_descriptors();
	if (path_of(settings->milter.listen)) {
		snprintf(process->socket_copy, sizeof(process->socket_copy), "%s", path_of(settings->milter.listen));
		process->socket = process->socket_copy;
	}
	if ((!options->foreground && privs_daemonize(err) != 0) || give_up_root(&settings->milter, err) != 0) {
		settings_free(settings);
		return -1;
	}
	return open_engine(process, settings, err);
}

struct process *process_start(const struct options *options, struct err *err)
{
	struct process *process = calloc(1, sizeof(*process));

	if (!process) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	process->conf_path = options->conf;
	process->lock = -1;
	if (start(process, options, err) != 0) {
		process_stop(process);
		return NULL;
	}
	return process;
}

/* --- signals --- */

/*
 * In place of the C library's, for libmilter, which alone calls it. To have the signals blocked is not enough: one that
 * is sent while that thread comes to wait is taken by it, although the main thread has been woken for it.
 */
int sigwait(const sigset_t *set, int *signo)
{
	(void)set;
	(void)signo;
	for (;;)
		pause();
}

static void on_signal(int signo)
{
	int saved = errno;
	char byte = (char)signo;

	(void)!write(wake_up[1], &byte, 1);
	errno = saved;
}

static void signals_of_ours(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

static int catch_signals(struct err *err)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	if (pipe2(wake_up, O_CLOEXEC | O_NONBLOCK) != 0)
		return err_sys(err, errno, "cannot set up signals");
	sigemptyset(&action.sa_mask);
	signal(SIGPIPE, SIG_IGN);
	if (sigaction(SIGTERM, &action, NULL) != 0 || sigaction(SIGINT, &action, NULL) != 0 ||
	    sigaction(SIGHUP, &action, NULL) != 0)
		return err_sys(err, errno, "cannot set up signals");
	return 0;
}

/* --- running --- */

static void *serve(void *unused)
{
	char byte = callbacks_serve() == 0 ? SIGTERM : ENDED_BY_ITSELF;

	(void)!write(wake_up[1], &byte, 1);
	return unused;
}

/* The library's thread, and those it makes, inherit the blocked signals. */
static int start_library(struct process *process, struct err *err)
{
	sigset_t ours, before;
	int errnum;

	signals_of_ours(&ours);
	pthread_sigmask(SIG_BLOCK, &ours, &before);
	errnum = pthread_create(&process->library, NULL, serve, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (errnum != 0)
		return err_sys(err, errnum, "cannot start a thread");
	process->serving = true;
	return 0;
}

static void announce(const struct process *process)
{
	const struct conf *conf = conf_take(process->keeper);

	log_event(EVENT_STARTED, NULL, log_text("version", PACKAGE_VERSION),
		  log_text("configuration", process->conf_path), log_text("mode", rules_mode_name(conf->policy.mode)),
		  log_number("accounts", (int64_t)conf->settings->account_count),
		  log_number("rules", (int64_t)conf->rules.count));
	conf_give_back(process->keeper, conf);
	privs_daemonize_done();
	notify_ready("serving");
}

/* The next byte of the pipe; 0 when the watchdog's time has come. */
static char wait_for_byte(void)
{
	int64_t interval = notify_watchdog_interval();
	struct pollfd readable = {.fd = wake_up[0], .events = POLLIN};
	char byte = 0;

	while (poll(&readable, 1, interval > 0 ? (int)interval : -1) < 0 && errno == EINTR)
		continue;
	return read(wake_up[0], &byte, 1) == 1 ? byte : 0;
}

static void look_at_configuration(struct process *process)
{
	notify_reloading();
	conf_give_back(process->keeper, conf_take(process->keeper));
	notify_ready("serving");
}

int process_run(struct process *process, struct err *err)
{
	char byte;

	if (catch_signals(err) != 0 || start_library(process, err) != 0)
		return -1;
	announce(process);
	for (;;) {
		byte = wait_for_byte();
		notify_watchdog();
		if (byte == SIGHUP)
			look_at_configuration(process);
		else if (byte == SIGTERM || byte == SIGINT)
			break;
		else if (byte == ENDED_BY_ITSELF)
			return err_set(err, ERR_SYSTEM, "libmilter gave up; it has told syslog why");
	}
	log_event(EVENT_STOPPING, NULL, log_number("signal", byte));
	return 0;
}

/* --- the end --- */

static void finish(struct process *process)
{
	notify_stopping();
	if (process->socket)
		unlink(process->socket); /* ours, by the lock: whoever comes now is put off by the MTA */
	(void)callbacks_wait_idle(deadline_after(FINISH_MS));
}

void process_stop(struct process *process)
{
	if (!process)
		return;
	if (process->serving) {
		finish(process); /* the library's threads, which end with the process, may still use the rest */
		return;
	}
	judge_free(process->judge);
	conf_keeper_free(process->keeper);
	if (process->lock >= 0)
		close(process->lock);
	free(process);
}
