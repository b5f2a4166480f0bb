/* The files that the settings name. Looks at them with stat(2) and access(2), opens none. Called by local.c. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/files.h"

static void add(struct file_list *list, const char *key, const char *path, bool secret)
{
	if (path != NULL && *path == '/' && list->count < FILES_MAX)
		list->items[list->count++] = (struct named_file){.key = key, .path = path, .secret = secret};
}

void files_list(const struct settings *settings, struct file_list *out)
{
	out->count = 0;
	add(out, "seal_key_file", settings->tokend.seal_key_file, true);
	if (out->count > 0)
		out->items[0].elsewhere = true;
	add(out, "configuration", settings->path, false);
	for (size_t i = 0; i < settings->client_count; i++) {
		const struct settings_client *client = &settings->clients[i];

		add(out, "client_secret_file", client->client_secret_file, true);
		add(out, "client_key", client->client_key, true);
		add(out, "client_key_passphrase_file", client->client_key_passphrase_file, true);
		add(out, "service_account_file", client->service_account_file, true);
		add(out, "federated_token_file", client->federated_token_file, false);
		add(out, "client_certificate", client->client_certificate, false);
		add(out, "ca_file", client->ca_file, false);
	}
}

void files_judge(const struct named_file *file, const char *user, struct finding *finding)
{
	const char *path = file->path;
	struct stat st;

	if (stat(path, &st) != 0) {
		finding_set(finding, FINDING_FAILED, "%s: %s: %s", file->key, path, strerror(errno));
		if (file->secret && errno == ENOENT) {
			finding_advise(finding, "write it; this reads it from the terminal, up to Ctrl-D");
			finding_line(finding, "install -o %s -m 0600 /dev/stdin %s", user, path);
		} else {
			finding_advise(finding, "put it there, or correct the setting");
		}
	} else if (!S_ISREG(st.st_mode)) {
		finding_set(finding, FINDING_FAILED, "%s: %s is no regular file", file->key, path);
		finding_advise(finding, "name the file itself");
	} else if (file->secret && (st.st_mode & S_IRWXO)) {
		finding_set(finding, FINDING_FAILED, "%s: %s holds a secret and is open to everybody (mode %04o)",
			    file->key, path, (unsigned)st.st_mode & 07777);
		finding_line(finding, "chmod o= %s", path);
	} else if (st.st_mode & S_IWOTH) {
		finding_set(finding, FINDING_FAILED, "%s: %s may be written by everybody", file->key, path);
		finding_line(finding, "chmod o-w %s", path);
	} else if (st.st_size == 0) {
		finding_set(finding, FINDING_FAILED, "%s: %s is empty", file->key, path);
		finding_advise(finding,
			       "put into it what belongs there; this reads it from the terminal, up to Ctrl-D");
		finding_line(finding, "cat >%s", path);
	}
}

void files_obstacle(const char *path, struct buf *out)
{
	char folder[4096];
	size_t len = strlen(path);

	for (size_t at = 1; at < len && at < sizeof folder - 1; at++) {
		if (path[at] != '/')
			continue;
		snprintf(folder, sizeof folder, "%.*s", (int)at, path);
		if (access(folder, X_OK) != 0) {
			buf_printf(out, "%s/", folder);
			return;
		}
	}
	buf_puts(out, path);
}

void files_give(const char *obstacle, const char *user, struct finding *finding)
{
	const struct passwd *pw = getpwnam(user);
	const struct group *group = pw != NULL ? getgrgid(pw->pw_gid) : NULL;
	size_t len = strlen(obstacle);
	bool folder = len > 1 && obstacle[len - 1] == '/';

	if (folder)
		len--;
	finding_advise(finding, "let that user %s it, and nobody else", folder ? "pass" : "read");
	finding_line(finding, "chgrp %s %.*s && chmod g+%c %.*s", group != NULL ? group->gr_name : user, (int)len,
		     obstacle, folder ? 'x' : 'r', (int)len, obstacle);
}
