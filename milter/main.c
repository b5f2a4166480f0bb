/* mailbearer-milter: makes senders agree with the account that carries a message. Options, start, run, stop. */
#include <stdlib.h>

#include "daemon/privs.h"
#include "milter/process.h"

int main(int argc, char **argv)
{
	struct err err = {.code = ERR_NONE};
	struct process *process;
	struct options options;
	int status;

	privs_harden();
	if (options_read(argc, argv, "mailbearer-milter", &options, &status) != 0)
		return status;
	process = process_start(&options, &err);
	if (!process)
		return options_fail(&options, &err);
	status = process_run(process, &err) == 0 ? EXIT_SUCCESS : options_fail(&options, &err);
	process_stop(process);
	return status;
}
