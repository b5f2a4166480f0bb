/*
 * The steps about tokend as a daemon: does it answer, is it of our version, does it run with what the file says now,
 * and is it behind all its sockets? Called by check.c's table.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "check/steps.h"
#include "daemon/settings_state.h"

static void say_start(struct finding *finding)
{
	finding_advise(finding, "start it; if it does not stay, its log says why");
	finding_line(finding, "systemctl enable --now mailbearer-tokend");
	finding_line(finding, "journalctl -u mailbearer-tokend -n 20");
}

static void say_restart(struct finding *finding)
{
	finding_line(finding, "systemctl restart mailbearer-tokend");
}

static void judge_silence(const struct err *err, struct finding *finding)
{
	finding_set(finding, FINDING_FAILED, "%s", err->text);
	if (err->code != ERR_TIMEOUT) {
		say_start(finding);
		return;
	}
	finding_advise(finding, "it runs and does not answer: restart it");
	say_restart(finding);
}

/* --- the configuration that is in force --- */

/* In the machine's own time, as a clock on the wall shows it. */
static const char *show_time(int64_t seconds, char text[32])
{
	time_t at = (time_t)seconds;
	struct tm tm;

	if (localtime_r(&at, &tm) == NULL || strftime(text, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(text, 32, "%" PRId64, seconds);
	return text;
}

static void say_changed(const struct world *world, const struct settings_told *theirs, struct finding *finding)
{
	char read_at[32], changed_at[32];
	struct stat st;

	if (stat(theirs->path, &st) != 0)
		return; /* somebody is editing it */
	finding_set(finding, FINDING_WARNING, "tokend runs with the configuration of %s; %s was changed at %s",
		    show_time(theirs->loaded_at, read_at), theirs->path, show_time(st.st_mtime, changed_at));
	finding_advise(finding, "have tokend read it again");
	finding_line(finding, "%s reload", world->options->program);
}

/* What is in the file now was never read, or was read and refused, or is another file's. Who may not ask, and who asks
 * a tokend of before there was this map, is not told. */
static void judge_configuration(const struct world *world, struct finding *finding)
{
	struct buf answer = BUF_INIT(WIRE_REPLY_MAX);
	enum settings_state state = SETTINGS_NOT_TOLD;
	struct settings_told theirs;
	enum wire_result result;
	struct err err;

	if (world_ask(world, NULL, "configuration", "", &result, &answer, &err) == 0 && result == WIRE_OK)
		state = settings_state_compare(world->settings, answer.data != NULL ? answer.data : "", &theirs);
	if (state == SETTINGS_CHANGED) {
		say_changed(world, &theirs, finding);
	} else if (state == SETTINGS_OF_ANOTHER_FILE) {
		finding_set(finding, FINDING_WARNING, "tokend runs with another configuration than %s: %s",
			    world->settings->path, theirs.path);
		finding_advise(finding,
			       "check that one (mailbearer -c FILE check), or have tokend started with this one");
	}
	buf_free(&answer);
}

/* --- daemon --- */

/* It answers: is it ours, and are we allowed to ask? A tokend of before there was this map says "no map". */
static void judge_answer(const struct world *world, enum wire_result result, const char *text, struct finding *finding)
{
	const char *socket = world->settings->tokend.listen.items[0];

	if (result == WIRE_OK && strcmp(text, PACKAGE_VERSION) == 0) {
		finding_set(finding, FINDING_OK, "%s: version %s", socket, text);
		judge_configuration(world, finding);
		return;
	}
	if (result == WIRE_OK || strstr(text, "no map") != NULL) {
		finding_set(finding, FINDING_WARNING, "tokend is of version %.40s, and this program of %s",
			    result == WIRE_OK ? text : "another", PACKAGE_VERSION);
		finding_advise(finding, "restart it, so that it runs what is installed");
		say_restart(finding);
		return;
	}
	finding_set(finding, FINDING_FAILED, "%s", text);
	finding_advise(finding, "run this as root");
	finding_line(finding, "sudo %s check", world->options->program);
}

void step_daemon(struct world *world, struct finding *finding)
{
	struct buf answer = BUF_INIT(WIRE_REPLY_MAX);
	enum wire_result result;
	struct err err = {.code = ERR_NONE};

	if (world_ask(world, NULL, "version", "", &result, &answer, &err) != 0)
		judge_silence(&err, finding);
	else
		judge_answer(world, result, answer.len > 0 ? answer.data : "", finding);
	buf_free(&answer);
}

/* --- sockets --- */

/* Who asks judges itself by its uid: so everybody may connect, and a mode that forbids it was changed by hand. */
static int judge_mode(const char *path, struct finding *finding)
{
	struct stat st;

	if (lstat(path, &st) != 0) {
		finding_set(finding, FINDING_FAILED, "%s: %s", path, strerror(errno));
		finding_advise(finding, "restart tokend, which makes it; its log says why if it cannot");
		say_restart(finding);
		return -1;
	}
	if (!S_ISSOCK(st.st_mode)) {
		finding_set(finding, FINDING_FAILED, "%s is no socket", path);
		finding_advise(finding, "take it away, and restart tokend, which makes its own");
		finding_line(finding, "mv %s %s.old", path, path);
		say_restart(finding);
		return -1;
	}
	if ((st.st_mode & 0666) == 0666)
		return 0;
	finding_set(finding, FINDING_FAILED, "%s is closed to those who should ask (mode %04o)", path,
		    (unsigned)st.st_mode & 07777);
	finding_advise(finding, "open it: tokend judges who asks by their user");
	finding_line(finding, "chmod 0666 %s", path);
	return -1;
}

static int judge_socket(const struct world *world, const char *path, struct finding *finding)
{
	struct buf answer = BUF_INIT(WIRE_REPLY_MAX);
	enum wire_result result;
	struct err err = {.code = ERR_NONE};
	int status = judge_mode(path, finding);

	if (status == 0 && world_ask(world, path, "version", "", &result, &answer, &err) != 0) {
		status = -1;
		finding_set(finding, FINDING_FAILED, "%s", err.text);
		finding_advise(finding, "restart tokend, which listens anew");
		say_restart(finding);
	}
	buf_free(&answer);
	return status;
}

void step_sockets(struct world *world, struct finding *finding)
{
	const struct settings_list *listen = &world->settings->tokend.listen;

	finding_set(finding, FINDING_OK, "%zu, each with tokend behind it", listen->count);
	for (size_t i = 0; i < listen->count; i++)
		if (judge_socket(world, listen->items[i], finding) != 0)
			return;
}
