/*
 * The files of a plan: who owns them, and in which order they are written, so that the configuration never names what
 * is not there. Called by flow.c.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/settings.h"
#include "setup/debt.h"
#include "setup/files.h"
#include "setup/service.h"
#include "setup/write.h"

#define KEY_BYTES 32 /* of AES-256 */
#define PATH_TEXT_MAX 4096
#define LINE_MAX_BYTES 8192

struct writing {
	const struct setup_doors *doors;
	const char *config;
	const struct settings *settings; /* the new ones */
	uid_t uid;                       /* who tokend runs as */
	gid_t gid;
	struct err *err;
};

static int tell(const struct writing *writing, const char *what, const char *path)
{
	struct buf line = BUF_INIT(LINE_MAX_BYTES);
	int result;

	buf_printf(&line, "  %s %s\n", what, path);
	result = writing->doors->say(writing->doors->arg, &line, writing->err);
	buf_free(&line);
	return result;
}

/* The package makes them; else systemd may. */
static void make_users(const struct writing *writing)
{
	struct buf told = BUF_INIT(LINE_MAX_BYTES);
	struct service_paths paths;
	struct service_machine machine;

	service_look(NULL, &paths, &machine);
	if (service_run(&machine, SERVICE_MAKE_USERS, &told, NULL) == 0)
		(void)writing->doors->say(writing->doors->arg, &told, NULL);
	buf_free(&told);
}

/* program: who is to run as that user. */
static const struct passwd *find_user(const struct writing *writing, const char *name, const char *program)
{
	const struct passwd *user = getpwnam(name);

	if (user == NULL && geteuid() == 0 &&
	    (strcmp(name, "mailbearer") == 0 || strcmp(name, "mailbearer-milter") == 0)) {
		make_users(writing);
		user = getpwnam(name);
	}
	if (user == NULL)
		err_set(writing->err, ERR_CONFIG,
			"there is no user '%s', as who %s is to run; make it: useradd --system --home-dir "
			"/ --shell /usr/sbin/nologin %s",
			name, program, name);
	return user;
}

/* What root wishes; whoever else runs this owns what is made. */
static struct file_owner owned(mode_t mode, uid_t uid, gid_t gid)
{
	bool root = geteuid() == 0;

	return (struct file_owner){mode, root ? uid : (uid_t)-1, root ? gid : (gid_t)-1};
}

/* --- the secret --- */

static bool is_there(const char *path, const struct buf *bytes)
{
	struct buf old = BUF_INIT(SECRET_MAX + 1);
	bool same =
	    file_read(path, &old, NULL) == 0 && old.len == bytes->len && memcmp(old.data, bytes->data, old.len) == 0;

	buf_free(&old);
	return same;
}

/* Readable for tokend by its group, and writable for root alone. */
static int write_secret(const struct writing *writing, const struct secret *secret, const char *path, bool *changed)
{
	struct file_owner owner = owned(0640, 0, writing->gid);
	struct buf bytes = BUF_INIT(SECRET_MAX + 1);
	int result = 0;

	if (secret_append(secret, &bytes) != 0 || buf_puts(&bytes, "\n") != 0)
		result = err_set(writing->err, ERR_MEMORY, "out of memory");
	else if (!is_there(path, &bytes)) {
		result = debt_owe(writing->config, DEBT_TOKEND, writing->err);
		if (result == 0)
			result = file_write(path, FILE_FOLLOW, &bytes, &owner, writing->err);
		*changed = result == 0;
	}
	buf_free(&bytes);
	return result == 0 && *changed ? tell(writing, "wrote", path) : result;
}

/* --- the key that seals what tokend keeps --- */

static int append_random(struct buf *out, struct err *err)
{
	unsigned char bytes[KEY_BYTES];
	size_t got = 0;
	ssize_t n;

	while (got < sizeof bytes) {
		n = getrandom(bytes + got, sizeof bytes - got, 0);
		if (n < 0 && errno != EINTR)
			return err_sys(err, errno, "no random bytes");
		got += n > 0 ? (size_t)n : 0;
	}
	for (size_t i = 0; i < sizeof bytes; i++)
		buf_printf(out, "%02x", bytes[i]);
	explicit_bzero(bytes, sizeof bytes);
	return out->failed ? err_set(err, ERR_MEMORY, "out of memory") : 0;
}

/* Made once, and never replaced: what it sealed is lost without it. */
static int make_seal_key(const struct writing *writing, bool *made)
{
	struct file_owner owner = owned(0600, writing->uid, writing->gid);
	const char *path = writing->settings->tokend.seal_key_file;
	struct buf key = BUF_INIT(2 * KEY_BYTES + 1);
	int result;

	if (*path != '/') /* systemd hands it over */
		return 0;
	result = append_random(&key, writing->err);
	*made = false;
	if (result == 0) {
		buf_puts(&key, "\n");
		result = file_write(path, FILE_NEW, &key, &owner, writing->err);
		*made = result == 0;
	}
	buf_free(&key);
	if (result < 0)
		return -1;
	return *made ? tell(writing, "made the seal key (keep a copy of it)", path) : 0;
}

/* --- folders, where systemd does not make them --- */

static int make_folder(const struct writing *writing, const char *path, const struct file_owner *owner)
{
	int result = file_make_owned_folder(path, owner, writing->err);

	return result == 1 ? tell(writing, "made", path) : result;
}

static int make_socket_folder(const struct writing *writing, const char *socket, const struct file_owner *owner)
{
	struct buf folder = BUF_INIT(PATH_TEXT_MAX);
	size_t len = (size_t)(strrchr(socket, '/') - socket);
	int result = -1;

	if (len == 0) /* the root */
		return 0;
	if (buf_append(&folder, socket, len) != 0)
		err_set(writing->err, ERR_MEMORY, "out of memory");
	else
		result = make_folder(writing, folder.data, owner);
	buf_free(&folder);
	return result;
}

/* The milter's own user makes its socket; one at a port has none. */
static int make_milter_folder(const struct writing *writing)
{
	const struct settings_milter *milter = &writing->settings->milter;
	const struct passwd *user;
	struct file_owner owner;

	if (milter->line == 0 || strncmp(milter->listen, "inet", 4) == 0)
		return 0;
	user = find_user(writing, milter->user, "mailbearer-milter");
	if (user == NULL)
		return -1;
	owner = owned(0755, user->pw_uid, user->pw_gid);
	return make_socket_folder(writing, strchr(milter->listen, ':') + 1, &owner);
}

static int make_folders(const struct writing *writing)
{
	const struct settings_tokend *tokend = &writing->settings->tokend;
	const struct file_owner closed = owned(0700, writing->uid, writing->gid),
				open = owned(0755, writing->uid, writing->gid);
	int result = make_folder(writing, tokend->state_directory, &closed);

	for (size_t i = 0; i < tokend->listen.count && result == 0; i++)
		result = make_socket_folder(writing, tokend->listen.items[i], &open);
	return result == 0 ? make_milter_folder(writing) : -1;
}

/* --- the configuration --- */

/* The mode and owner that it has; a new one is everybody's to read. */
static struct file_owner owner_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return owned(0644, 0, 0);
	return owned(st.st_mode & 07777, st.st_uid, st.st_gid);
}

static int write_files(const struct writing *writing, const struct setup_answers *answers,
		       const struct setup_plan *plan, struct setup_written *out)
{
	if (answers->secret != NULL && plan->secret_file.len > 0 &&
	    write_secret(writing, answers->secret, plan->secret_file.data, &out->secret) != 0)
		return -1;
	return make_seal_key(writing, &out->seal_key) == 0 ? make_folders(writing) : -1;
}

/* `proved` is the file whose settings count: staged, or the old one where nothing changes. */
static int write_proved(struct writing *writing, const char *proved, const struct setup_answers *answers,
			const struct setup_plan *plan, struct setup_written *out)
{
	struct settings *settings;
	const struct passwd *user;
	int result = settings_load(proved, &settings, writing->err);

	if (result != 0)
		return -1;
	writing->settings = settings;
	user = find_user(writing, settings->tokend.user, "tokend");
	if (user != NULL) {
		writing->uid = user->pw_uid;
		writing->gid = user->pw_gid;
	}
	result = user != NULL ? write_files(writing, answers, plan, out) : -1;
	writing->settings = NULL;
	settings_free(settings);
	return result;
}

static bool is_same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

int setup_write(const struct setup_doors *doors, const char *config, const struct buf *conf,
		const struct setup_answers *answers, const struct setup_plan *plan, struct setup_written *out,
		struct err *err)
{
	struct writing writing = {.doors = doors, .config = config, .err = err};
	struct file_owner owner = owner_of(config);
	struct file_draft draft;
	int result;

	*out = (struct setup_written){.conf = !is_same(conf, &plan->text)};
	if (!out->conf)
		return write_proved(&writing, config, answers, plan, out);
	if (file_draft_open(&draft, config, FILE_FOLLOW, err) != 0)
		return -1;
	result = file_draft_fill(&draft, &plan->text, &owner, err);
	if (result == 0)
		result = write_proved(&writing, draft.temp, answers, plan, out);
	if (result == 0)
		result = debt_owe(config, DEBT_TOKEND, err);
	if (result == 0)
		result = file_draft_commit(&draft, err);
	file_draft_close(&draft);
	return result == 0 ? tell(&writing, "wrote", config) : -1;
}
