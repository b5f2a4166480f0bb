/*
 * Makes the daemons' users and starts them: systemd, OpenRC, or by itself. What is run is decided without looking at
 * the machine; looking and running are apart. Called by flow.c.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "postfix/run.h"
#include "setup/service.h"

#define TOKEND "mailbearer-tokend"
#define MILTER "mailbearer-milter"
#define JOURNAL_MS 10000
#define JOURNAL_MAX (256 * 1024) /* bytes of what a daemon, or who starts it, has said */

/* --- what is to be run --- */

struct list {
	struct service_command *commands;
	unsigned count, room;
};

static void add(struct list *list, bool needed, const char *a, const char *b, const char *c, const char *d)
{
	if (list->count < list->room)
		list->commands[list->count++] = (struct service_command){{a, b, c, d, NULL}, needed};
}

/* It gives no answer: where it runs, it does so with another configuration, and has to begin anew. */
static void put_start(const struct service_machine *machine, const char *unit, const char *program, struct list *list)
{
	bool usual = machine->config == NULL;

	if (machine->tmpfiles != NULL && usual)
		add(list, false, machine->tmpfiles, "--create", "mailbearer.conf", NULL);
	if (usual && machine->manager == SERVICE_SYSTEMD && machine->systemctl != NULL) {
		add(list, true, machine->systemctl, "enable", unit, NULL);
		add(list, true, machine->systemctl, "restart", unit, NULL);
	} else if (usual && machine->manager == SERVICE_OPENRC && machine->rc_service != NULL) {
		if (machine->rc_update != NULL)
			add(list, false, machine->rc_update, "add", unit, "default");
		add(list, true, machine->rc_service, unit, "restart", NULL);
	} else if (program != NULL) {
		add(list, true, program, usual ? NULL : "-c", machine->config, NULL);
	}
}

unsigned service_commands(const struct service_machine *machine, enum service_wish wish, struct service_command *out,
			  unsigned room)
{
	struct list list = {out, 0, room};

	switch (wish) {
	case SERVICE_MAKE_USERS:
		if (machine->sysusers != NULL)
			add(&list, true, machine->sysusers, "mailbearer.conf", NULL, NULL);
		break;
	case SERVICE_START_TOKEND:
		put_start(machine, TOKEND, machine->tokend, &list);
		break;
	case SERVICE_START_MILTER:
		put_start(machine, MILTER, machine->milter, &list);
		break;
	}
	return list.count;
}

/* --- this machine --- */

static const char *first_of(const char *a, const char *b)
{
	return access(a, X_OK) == 0 ? a : access(b, X_OK) == 0 ? b : NULL;
}

/* Beside this command, where they were built or are in one folder; else where it is installed. */
static const char *find_program(const char *name, char path[SERVICE_PATH_SIZE])
{
	char self[2048];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	self[len > 0 ? len : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash != NULL) {
		*slash = '\0';
		snprintf(path, SERVICE_PATH_SIZE, "%s/%s", self, name);
		if (access(path, X_OK) == 0)
			return path;
	}
	snprintf(path, SERVICE_PATH_SIZE, "%s/%s", SBINDIR, name);
	return access(path, X_OK) == 0 ? path : NULL;
}

void service_look(const char *config, struct service_paths *paths, struct service_machine *out)
{
	*out = (struct service_machine){
	    .manager = access("/run/systemd/system", F_OK) == 0 ? SERVICE_SYSTEMD
		       : access("/run/openrc", F_OK) == 0       ? SERVICE_OPENRC
								: SERVICE_NONE,
	    .sysusers = first_of("/usr/bin/systemd-sysusers", "/bin/systemd-sysusers"),
	    .tmpfiles = first_of("/usr/bin/systemd-tmpfiles", "/bin/systemd-tmpfiles"),
	    .systemctl = first_of("/usr/bin/systemctl", "/bin/systemctl"),
	    .journalctl = first_of("/usr/bin/journalctl", "/bin/journalctl"),
	    .rc_service = first_of("/sbin/rc-service", "/usr/sbin/rc-service"),
	    .rc_update = first_of("/sbin/rc-update", "/usr/sbin/rc-update"),
	    .tokend = find_program(TOKEND, paths->tokend),
	    .milter = find_program(MILTER, paths->milter),
	    .config = config,
	};
}

/* --- why a daemon has not started --- */

/* A value of a log line (daemon/log.c) as it was before its quotes; what stands for a control character stays so. */
static void unquote(const char *value, const char *end, struct buf *out)
{
	if (value < end && *value != '"') {
		while (value < end && *value != ' ')
			buf_append(out, value++, 1);
		return;
	}
	for (value++; value < end && *value != '"'; value++) {
		if (*value == '\\' && value + 1 < end && strchr("\"\\", value[1]) != NULL)
			value++;
		buf_append(out, value, 1);
	}
}

static const char *find(const char *line, const char *end, const char *words)
{
	return line < end ? memmem(line, (size_t)(end - line), words, strlen(words)) : NULL;
}

/* Whether there is one in the line: as it is logged, or as it stands on standard error. */
static bool read_reason(const char *line, const char *end, const char *daemon, struct buf *out)
{
	static const char logged[] = "event=start-failed reason=";
	const char *at = find(line, end, logged);
	size_t len = (size_t)(end - line), name = strlen(daemon);

	if (at != NULL)
		unquote(at + strlen(logged), end, out);
	else if (len > name + 2 && memcmp(line, daemon, name) == 0 && memcmp(line + name, ": ", 2) == 0)
		buf_append(out, line + name + 2, len - name - 2);
	return out->len > 0;
}

bool service_reason(const struct buf *words, const char *daemon, struct buf *out)
{
	const char *begin = words->data, *end = begin != NULL ? begin + words->len : NULL, *line;
	struct buf one = BUF_INIT(words->max), last = BUF_INIT(words->max);
	bool found = false;

	while (!found && end > begin) {
		end -= end[-1] == '\n';
		line = memrchr(begin, '\n', (size_t)(end - begin));
		line = line != NULL ? line + 1 : begin;
		found = read_reason(line, end, daemon, &one);
		if (last.len == 0)
			buf_append(&last, line, (size_t)(end - line));
		end = line;
	}
	buf_append(out, found ? one.data : last.data, found ? one.len : last.len);
	buf_free(&one);
	buf_free(&last);
	return found;
}

/* What the unit has said since then; of the daemon's own lines if it came as far as that. */
static void read_journal(const struct service_machine *machine, const char *unit, time_t since, bool own,
			 struct buf *out)
{
	char from[32];
	const char *argv[] = {
	    machine->journalctl, "-q", "--no-pager", "-o", "cat", "-n", "20", "--since", from, "-u", unit,
	    own ? "-t" : NULL,   unit, NULL};
	struct run run = {.argv = argv, .out = out, .deadline = deadline_after(JOURNAL_MS)};

	snprintf(from, sizeof from, "@%lld", (long long)since);
	buf_clear(out);
	if (run_program(&run, NULL) != 0)
		buf_clear(out);
}

static void ask_journal(const struct service_machine *machine, const char *unit, time_t since, struct buf *out)
{
	const char *const sync[] = {machine->journalctl, "--sync", NULL};
	struct run run = {.argv = sync, .deadline = deadline_after(JOURNAL_MS)};

	if (machine->manager != SERVICE_SYSTEMD || machine->config != NULL || machine->journalctl == NULL)
		return;
	(void)run_program(&run, NULL); /* what it wrote last may still be on its way */
	read_journal(machine, unit, since, true, out);
	if (out->len == 0)
		read_journal(machine, unit, since, false, out);
}

/* What a service manager says of it is of no help to anybody: its own words take that place. */
static void tell_reason(const struct service_machine *machine, enum service_wish wish, time_t since,
			struct buf *complaints, struct err *err)
{
	const char *daemon = wish == SERVICE_START_MILTER ? MILTER : TOKEND;
	struct buf reason = BUF_INIT(JOURNAL_MAX);

	if (wish == SERVICE_MAKE_USERS)
		return;
	ask_journal(machine, daemon, since, complaints);
	if (service_reason(complaints, daemon, &reason))
		err_set(err, ERR_CONFIG, "%.*s", (int)reason.len, reason.data);
	else if (reason.len > 0)
		err_set(err, err->code, "%.200s; it last said: %.*s", err->text, (int)reason.len, reason.data);
	buf_free(&reason);
}

/* --- running it --- */

static int run_one(const struct service_command *command, struct buf *told, struct buf *complaints, struct err *err)
{
	struct run run = {.argv = command->words, .complaints = complaints, .deadline = deadline_after(SERVICE_MS)};
	int result = run_successfully(&run, err);

	buf_puts(told, " ");
	for (unsigned i = 0; command->words[i] != NULL; i++)
		buf_printf(told, " %s", command->words[i]);
	buf_puts(told, "\n");
	return result == 0 || !command->needed ? 0 : -1;
}

int service_run(const struct service_machine *machine, enum service_wish wish, struct buf *told, struct err *err)
{
	struct service_command commands[4];
	unsigned count = service_commands(machine, wish, commands, 4);
	struct buf complaints = BUF_INIT(JOURNAL_MAX);
	time_t since = time(NULL);
	int result = 0;

	if (count == 0)
		return err_set(err, ERR_NOT_FOUND, "this machine has no program for it");
	for (unsigned i = 0; i < count && result == 0; i++) {
		buf_clear(&complaints);
		result = run_one(&commands[i], told, &complaints, err);
	}
	if (result != 0)
		tell_reason(machine, wish, since, &complaints, err);
	buf_free(&complaints);
	return result;
}
