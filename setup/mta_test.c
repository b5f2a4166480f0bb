/*
 * The test message: goes in by sendmail(1) as any program's mail does, and Postfix's log and queue are asked for what
 * became of it. Called by flow.c.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "postfix/run.h"
#include "setup/fate.h"
#include "setup/mta.h"

#define LOG_MAX (8 * 1024 * 1024) /* bytes of the log that are looked at */
#define MESSAGE_MAX 8192
#define PATH_TEXT_MAX 4096
#define PAUSE_MS 250
#define PROGRAM_MS 20000

struct sending {
	const struct mta_test *test;
	char sender[FATE_SENDER_MAX];
	char message_id[128];
	time_t began;
	char log[PATH_TEXT_MAX]; /* "": the journal */
	off_t log_end;           /* before the message */
	struct deadline deadline;
	struct err *err;
};

/* --- the log --- */

static bool is_readable(const char *path, struct stat *st)
{
	return *path == '/' && stat(path, st) == 0 && S_ISREG(st->st_mode) && access(path, R_OK) == 0;
}

/* Where Postfix or the system says, else where systems have it. */
static void find_log(struct sending *sending, const struct installation *installation)
{
	const char *own = installation_value(installation, "maillog_file");
	const char *const places[] = {own != NULL ? own : "", "/var/log/mail.log", "/var/log/maillog"};
	struct stat st;

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		if (!is_readable(places[i], &st))
			continue;
		snprintf(sending->log, sizeof sending->log, "%s", places[i]);
		sending->log_end = st.st_size;
		return;
	}
}

/* What was written since the message was sent; a file that has become shorter is a new one. */
static void read_log(const struct sending *sending, struct buf *out)
{
	int fd = open(sending->log, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	ssize_t n = 1;
	char *room;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_size >= sending->log_end)
		lseek(fd, sending->log_end, SEEK_SET);
	while (n > 0 && (room = buf_reserve(out, 4096)) != NULL) {
		n = read(fd, room, 4096);
		out->len += n > 0 ? (size_t)n : 0;
	}
	close(fd);
}

/* 2 is syslog(3)'s LOG_MAIL, without its shift. */
static void read_journal(const struct sending *sending, struct buf *out)
{
	char since[32];
	const char *const argv[] = {"/usr/bin/journalctl", "-q",      "--no-pager", "-o", "short",
				    "SYSLOG_FACILITY=2",   "--since", since,        NULL};
	struct run run = {.argv = argv, .out = out, .deadline = deadline_after(PROGRAM_MS)};

	snprintf(since, sizeof since, "@%" PRId64, (int64_t)sending->began);
	if (access(argv[0], X_OK) == 0)
		(void)run_program(&run, NULL);
}

static void look_into_log(const struct sending *sending, struct fate *out)
{
	struct buf log = BUF_INIT(LOG_MAX);

	if (sending->log[0] != '\0')
		read_log(sending, &log);
	else
		read_journal(sending, &log);
	fate_of_log(&log, sending->message_id, out);
	buf_free(&log);
}

/* --- the queue --- */

/* With the mailbox's name, or that of the stranger whom the milter has let pass. */
static void find_in_queue(const struct sending *sending, const struct buf *queue, struct fate *out)
{
	const struct mta_test *test = sending->test;

	fate_of_queue(queue, test->mailbox, test->recipient, sending->began, out);
	if (out->state == FATE_UNKNOWN)
		fate_of_queue(queue, sending->sender, test->recipient, sending->began, out);
}

static void look_into_queue(const struct sending *sending, struct fate *out)
{
	const struct installation_place *place = sending->test->place;
	struct buf queue = BUF_INIT(LOG_MAX), path = BUF_INIT(PATH_TEXT_MAX);
	const char *argv[] = {NULL, "-j", NULL, NULL, NULL};
	struct run run = {.argv = argv, .out = &queue, .deadline = deadline_after(PROGRAM_MS)};

	*out = (struct fate){.state = FATE_UNKNOWN};
	if (installation_program(place, "postqueue", &path, NULL) == 0) {
		argv[0] = path.data;
		argv[2] = place->config_dir != NULL ? "-c" : NULL;
		argv[3] = place->config_dir;
		if (run_program(&run, NULL) == 0)
			find_in_queue(sending, &queue, out);
	}
	buf_free(&path);
	buf_free(&queue);
}

/* Until it is known, or for as long as there is time. */
static void wait_for_fate(const struct sending *sending, struct fate *out)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};

	for (;;) {
		look_into_log(sending, out);
		if (out->state == FATE_UNKNOWN)
			look_into_queue(sending, out);
		if (out->state != FATE_UNKNOWN || deadline_left(sending->deadline) == 0)
			return;
		nanosleep(&pause, NULL);
	}
}

/* --- the message --- */

static int make_id(struct sending *sending)
{
	const char *at = strrchr(sending->test->mailbox, '@');
	uint64_t random = 0;

	if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
		return err_set(sending->err, ERR_SYSTEM, "no random bytes");
	snprintf(sending->message_id, sizeof sending->message_id, "mailbearer-setup.%" PRId64 ".%016" PRIx64 "%.60s",
		 (int64_t)sending->began, random, at);
	return 0;
}

static void choose_sender(struct sending *sending, const struct installation *installation)
{
	const char *host = sending->test->as_stranger ? installation_value(installation, "myhostname") : NULL;

	if (host != NULL)
		snprintf(sending->sender, sizeof sending->sender, "root@%s", host);
	else
		snprintf(sending->sender, sizeof sending->sender, "%s", sending->test->mailbox);
}

static void put_message(const struct sending *sending, struct buf *out)
{
	char date[64];
	struct tm tm;

	gmtime_r(&sending->began, &tm);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm);
	buf_printf(out, "From: <%s>\nTo: <%s>\nSubject: Mailbearer works\nDate: %s\nMessage-ID: <%s>\n\n",
		   sending->sender, sending->test->recipient, date, sending->message_id);
	buf_puts(out, "This is the test message of mailbearer setup: it went through this machine's Postfix, and the\n"
		      "mail server took it with an OAuth 2.0 token.\n");
}

static int hand_over(const struct sending *sending)
{
	struct buf message = BUF_INIT(MESSAGE_MAX), path = BUF_INIT(PATH_TEXT_MAX);
	const char *folder = sending->test->place->config_dir, *to = sending->test->recipient;
	const char *argv[] = {NULL, "-i", "-f", sending->sender, "--", to, NULL, NULL, NULL};
	struct run run = {.argv = argv, .deadline = deadline_after(PROGRAM_MS)};
	int result = installation_program(sending->test->place, "sendmail", &path, sending->err);

	put_message(sending, &message);
	if (result == 0 && folder != NULL) {
		const char *const with[] = {path.data, "-C", folder, "-i", "-f", sending->sender, "--", to};

		memcpy(argv, with, sizeof with);
	}
	if (result == 0) {
		argv[0] = path.data;
		run.input = message.data;
		run.input_len = message.len;
		result = run_successfully(&run, sending->err);
	}
	buf_free(&path);
	buf_free(&message);
	return result;
}

/* --- what is said of it --- */

static int say(const struct sending *sending, struct buf *text)
{
	const struct setup_doors *doors = sending->test->doors;
	int result = doors->say(doors->arg, text, sending->err);

	buf_free(text);
	return result;
}

static int tell_of_success(const struct sending *sending, const struct fate *fate)
{
	const struct mta_test *test = sending->test;
	struct buf text = BUF_INIT(64 * 1024);

	buf_printf(&text, "The test message to %s was taken: %s\n", test->recipient, fate->text);
	if (test->as_stranger && strcasecmp(fate->sender, test->mailbox) == 0)
		buf_printf(&text, "mailbearer-milter made its sender, %s, %s.\n", sending->sender, fate->sender);
	else if (test->as_stranger && strcasecmp(fate->sender, sending->sender) == 0)
		buf_printf(&text,
			   "But its sender, %s, was left as it was, as a printer's would be: see mailbearer check.\n",
			   sending->sender);
	return say(sending, &text);
}

static int tell(const struct sending *sending, const struct fate *fate)
{
	const struct setup_doors *doors = sending->test->doors;
	struct buf text = BUF_INIT(64 * 1024);

	if (fate->state == FATE_SENT)
		return tell_of_success(sending, fate);
	if (fate->state == FATE_UNKNOWN)
		return err_set(sending->err, ERR_TIMEOUT,
			       "nothing has been said of the test message in %d s; mailq and Postfix's log show it",
			       MTA_MESSAGE_MS / 1000);
	doors->explain(doors->arg, fate->text, sending->test->mailbox, &text);
	if (text.len > 0 && say(sending, &text) != 0)
		return -1;
	buf_free(&text);
	return err_set(sending->err, ERR_DENIED, "the test message %s: %.400s",
		       fate->state == FATE_WAITS ? "waits in the queue" : "came back", fate->text);
}

int mta_send_test(const struct mta_test *test, struct err *err)
{
	struct sending sending = {.test = test, .err = err};
	struct installation *installation;
	struct fate fate;

	if (installation_read(test->place, &installation, err) != 0)
		return -1;
	find_log(&sending, installation);
	choose_sender(&sending, installation);
	installation_free(installation);
	sending.began = time(NULL);
	sending.deadline = deadline_after(MTA_MESSAGE_MS);
	if (make_id(&sending) != 0 || hand_over(&sending) != 0)
		return err_prefix(err, "the test message cannot be sent");
	wait_for_fate(&sending, &fate);
	return tell(&sending, &fate);
}
