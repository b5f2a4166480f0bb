/*
 * The steps about this machine's files: configuration, secrets, sealing key, state. Looks only. What tokend may read is
 * tried in a child process that has become tokend's user; who is not root looks as who they are.
 */
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "check/files.h"
#include "check/steps.h"
#include "daemon/child.h"
#include "daemon/privs.h"

#define LOOK_MS 10000

static const char *user_of(const struct world *world)
{
	return world->settings->tokend.user;
}

/* --- config --- */

static void judge_account(struct world *world, struct finding *finding)
{
	const char *wanted = world->options->account;

	if (world->settings->account_count == 0) {
		finding_set(finding, FINDING_FAILED, "%s has no accounts", world->options->config);
		finding_advise(finding, "put a client and an account into it, as mailbearer.conf(5) has them");
		return;
	}
	if (wanted == NULL || senders_account(world->senders, wanted, strlen(wanted)) != NULL)
		return;
	finding_set(finding, FINDING_FAILED, "%s has no account \"%.320s\"", world->options->config, wanted);
	finding_advise(finding, "check one that is there; the first is %s", world->settings->accounts[0].name);
	finding_line(finding, "%s check %s", world->options->program, world->settings->accounts[0].name);
}

/* A file that others may change is refused by whoever loads it. */
static int judge_mode(const char *path, struct finding *finding)
{
	struct stat st;

	if (stat(path, &st) != 0 || !(st.st_mode & S_IWOTH))
		return 0;
	finding_set(finding, FINDING_FAILED, "%s may be written by everybody (mode %04o)", path,
		    (unsigned)st.st_mode & 07777);
	finding_line(finding, "chmod o-w %s", path);
	return -1;
}

void step_config(struct world *world, struct finding *finding)
{
	const char *path = world->options->config;
	struct err err = {.code = ERR_NONE};

	if (judge_mode(path, finding) != 0)
		return;
	if (settings_load(path, &world->settings, &err) == 0)
		world->senders = senders_new(world->settings, &err);
	if (world->senders == NULL) {
		bool is_there = access(path, F_OK) == 0;

		finding_set(finding, FINDING_FAILED, "%s", err.text);
		finding_advise(finding, is_there ? "correct that line" : "have it written, step by step");
		finding_line(finding, "%s %s", world->options->program, is_there ? "check-config" : "setup");
		return;
	}
	finding_set(finding, FINDING_OK, "%s: accounts: %zu, connectors: %zu", path, world->settings->account_count,
		    world->settings->connector_count);
	judge_account(world, finding);
}

/* --- files --- */

struct look {
	const struct world *world;
	const struct file_list *files;
};

/* As tokend's user: the number of the first file that it cannot read, and what stands in the way. */
static void look_as_user(void *arg, struct buf *out)
{
	const struct look *look = arg;
	struct err err = {.code = ERR_NONE};

	if (geteuid() == 0 && privs_become(user_of(look->world), &err) != 0) {
		buf_printf(out, "%zu %s", FILES_MAX, err.text);
		return;
	}
	for (size_t i = 0; i < look->files->count; i++) {
		const char *path = look->files->items[i].path;

		if (access(path, R_OK) == 0 || errno == ENOENT)
			continue;
		buf_printf(out, "%zu ", i);
		files_obstacle(path, out);
		return;
	}
}

static void say_unreadable(const struct look *look, const char *answer, struct finding *finding)
{
	const char *user = user_of(look->world), *rest = strchr(answer, ' ') + 1;
	size_t i = (size_t)atol(answer);

	if (i >= look->files->count) {
		finding_set(finding, FINDING_FAILED, "%s", rest);
		return;
	}
	finding_set(finding, FINDING_FAILED, "%s: %s cannot be read by user %s", look->files->items[i].key,
		    look->files->items[i].path, user);
	files_give(rest, user, finding);
}

void step_files(struct world *world, struct finding *finding)
{
	static struct file_list files;
	struct look look = {.world = world, .files = &files};
	struct buf answer = BUF_INIT(4096);
	struct err err = {.code = ERR_NONE};

	files_list(world->settings, &files);
	finding_set(finding, FINDING_OK, "%zu: user %s may read them, and the secrets nobody else", files.count,
		    geteuid() == 0 ? user_of(world) : "you");
	for (size_t i = 0; i < files.count && finding->mark == FINDING_OK; i++)
		if (!files.items[i].elsewhere)
			files_judge(&files.items[i], user_of(world), finding);
	if (finding->mark == FINDING_OK) {
		if (child_do(look_as_user, &look, LOOK_MS, &answer, &err) != 0)
			finding_set(finding, FINDING_FAILED, "the files that are named cannot be looked at: %s",
				    err.text);
		else if (answer.len > 0)
			say_unreadable(&look, answer.data, finding);
	}
	buf_free(&answer);
}

/* --- seal --- */

/* How many sealed grants there are. */
static size_t count_grants(const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	size_t count = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		const char *dot = strrchr(entry->d_name, '.');

		count += dot != NULL && strcmp(dot, ".grant") == 0;
	}
	if (dir != NULL)
		closedir(dir);
	return count;
}

static void say_no_key(const struct world *world, const char *path, struct finding *finding)
{
	size_t grants = count_grants(world->settings->tokend.state_directory);

	finding_set(finding, FINDING_FAILED, "%s is not there", path);
	if (grants > 0)
		finding_advise(finding,
			       "restore it: the grants in %s (%zu) cannot be opened without it; only if it is lost, "
			       "make a new one and sign in again",
			       world->settings->tokend.state_directory, grants);
	else
		finding_advise(finding, "make one");
	finding_line(finding, "(umask 077; openssl rand -hex 32 >%s && chown %s %s)", path, user_of(world), path);
}

void step_seal(struct world *world, struct finding *finding)
{
	const char *path = world->settings->tokend.seal_key_file;
	struct named_file file = {.key = "seal_key_file", .path = path, .secret = true};
	struct stat st;

	if (*path != '/')
		finding_set(finding, FINDING_OK, "%s, which systemd hands to tokend", path);
	else if (stat(path, &st) != 0 && errno == ENOENT)
		say_no_key(world, path, finding);
	else {
		finding_set(finding, FINDING_OK, "%s", path);
		files_judge(&file, user_of(world), finding);
	}
}

/* --- state --- */

#define SPACE_MIN (1024 * 1024) /* bytes: some hundred records */

static void judge_space(const char *path, struct finding *finding)
{
	struct statvfs fs;

	if (statvfs(path, &fs) != 0)
		return;
	if (fs.f_flag & ST_RDONLY) {
		finding_set(finding, FINDING_FAILED, "%s lies on a file system that is mounted read-only", path);
		finding_line(finding, "mount -o remount,rw $(df --output=target %s | tail -n 1)", path);
	} else if ((uint64_t)fs.f_bavail * fs.f_frsize < SPACE_MIN || (fs.f_files > 0 && fs.f_favail == 0)) {
		finding_set(finding, FINDING_FAILED, "%s: no room for a new refresh token", path);
		finding_advise(finding, "make room, before a token is replaced and cannot be kept");
		finding_line(finding, "df -h %s; df -i %s", path, path);
	}
}

static void judge_folder(const struct world *world, const char *path, const struct stat *st, struct finding *finding)
{
	const struct passwd *pw = getpwnam(user_of(world));

	if (pw == NULL) {
		finding_set(finding, FINDING_FAILED, "there is no user %s, as who tokend is to run", user_of(world));
		finding_line(finding, "useradd --system --home-dir / --shell /usr/sbin/nologin %s", user_of(world));
	} else if (st->st_uid != pw->pw_uid) {
		finding_set(finding, FINDING_FAILED, "%s does not belong to user %s", path, user_of(world));
		finding_line(finding, "chown -R %s: %s", user_of(world), path);
	} else if ((st->st_mode & 0700) != 0700) {
		finding_set(finding, FINDING_FAILED, "%s may not be used by its own user (mode %04o)", path,
			    (unsigned)st->st_mode & 07777);
		finding_line(finding, "chmod 0700 %s", path);
	} else if (st->st_mode & (S_IWGRP | S_IWOTH)) {
		finding_set(finding, FINDING_FAILED, "%s may be written by others (mode %04o)", path,
			    (unsigned)st->st_mode & 07777);
		finding_line(finding, "chmod 0700 %s", path);
	}
}

void step_state(struct world *world, struct finding *finding)
{
	const char *path = world->settings->tokend.state_directory;
	struct stat st;

	if (stat(path, &st) != 0) {
		finding_set(finding, FINDING_FAILED, "%s: %s", path, strerror(errno));
		finding_line(finding, "install -d -o %s -m 0700 %s", user_of(world), path);
		return;
	}
	if (!S_ISDIR(st.st_mode)) {
		finding_set(finding, FINDING_FAILED, "%s is no folder", path);
		finding_advise(finding, "name a folder in state_directory");
		return;
	}
	finding_set(finding, FINDING_OK, "%s: grants: %zu", path, count_grants(path));
	judge_folder(world, path, &st, finding);
	if (finding->mark == FINDING_OK)
		judge_space(path, finding);
}
