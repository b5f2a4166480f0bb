/*
 * Makes the daemons' users and starts them: systemd, OpenRC, or by itself. What is run is decided without looking at
 * the machine; looking and running are apart. Called by flow.c.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "postfix/run.h"
#include "setup/service.h"

#define TOKEND "mailbearer-tokend"
#define MILTER "mailbearer-milter"

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
	    .rc_service = first_of("/sbin/rc-service", "/usr/sbin/rc-service"),
	    .rc_update = first_of("/sbin/rc-update", "/usr/sbin/rc-update"),
	    .tokend = find_program(TOKEND, paths->tokend),
	    .milter = find_program(MILTER, paths->milter),
	    .config = config,
	};
}

static int run_one(const struct service_command *command, struct buf *told, struct err *err)
{
	struct run run = {.argv = command->words, .deadline = deadline_after(SERVICE_MS)};
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
	int result = 0;

	if (count == 0)
		return err_set(err, ERR_NOT_FOUND, "this machine has no program for it");
	for (unsigned i = 0; i < count && result == 0; i++)
		result = run_one(&commands[i], told, err);
	return result;
}
