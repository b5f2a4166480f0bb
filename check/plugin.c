/*
 * The step about the SASL plugin: what libsasl2 loads when it is started as smtp(8) starts it. libsasl2 and all that it
 * finds are loaded in a child process, since they may crash, and are none of this program's libraries. Called by
 * check.c's table.
 */
#include <dlfcn.h>
#include <sasl/sasl.h>
#include <sasl/saslplug.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/plugins.h"
#include "check/steps.h"
#include "daemon/child.h"

#define LOAD_MS 20000
#define LIBRARY "libsasl2.so.2"

/* The parts of libsasl2 that are called. */
struct library {
	int (*init)(const sasl_callback_t *callbacks);
	int (*plugin_info)(const char *mechs, sasl_client_info_callback_t *info, void *context);
};

/* --- in the child --- */

static int on_log(void *context, int level, const char *text)
{
	(void)level;
	plugins_put(context, PLUGINS_LOG, text, "");
	return SASL_OK;
}

/* libsasl2 asks before it loads each file: so its folder is seen, wherever it was built to look. */
static int on_file(void *context, const char *file, sasl_verify_type_t type)
{
	if (type == SASL_VRFY_PLUGIN)
		plugins_put(context, PLUGINS_FILE, file, "");
	return SASL_OK;
}

static void on_mechanism(client_sasl_mechanism_t *mechanism, sasl_info_callback_stage_t stage, void *context)
{
	if (stage == SASL_INFO_LIST_MECH && mechanism != NULL)
		plugins_put(context, PLUGINS_MECH, mechanism->plug->mech_name, mechanism->plugname);
}

static void load(void *arg, struct buf *out)
{
	const char *path = arg;
	const sasl_callback_t callbacks[] = {
	    {SASL_CB_LOG, (int (*)(void))(void (*)(void))on_log, out},
	    {SASL_CB_VERIFYFILE, (int (*)(void))(void (*)(void))on_file, out},
	    {SASL_CB_LIST_END, NULL, NULL},
	};
	void *handle = dlopen(LIBRARY, RTLD_NOW);
	struct library library;

	if (path != NULL)
		setenv("SASL_PATH", path, 1);
	if (handle == NULL) {
		plugins_put(out, PLUGINS_NO_LIBRARY, dlerror(), "");
		return;
	}
	*(void **)&library.init = dlsym(handle, "sasl_client_init");
	*(void **)&library.plugin_info = dlsym(handle, "sasl_client_plugin_info");
	if (library.init == NULL || library.plugin_info == NULL || library.init(callbacks) != SASL_OK)
		plugins_put(out, PLUGINS_NO_LIBRARY, "it cannot be initialised", "");
	else
		library.plugin_info(NULL, on_mechanism, out);
}

/* --- and here --- */

void step_plugin(struct world *world, struct finding *finding)
{
	const char *path = world->sasl_path != NULL ? world->sasl_path : getenv("SASL_PATH");
	const char *folder = path != NULL ? path : SASLPLUGINDIR;
	struct buf answer = BUF_INIT(256 * 1024);
	struct err err = {.code = ERR_NONE};

	if (child_do(load, (void *)path, LOAD_MS, &answer, &err) != 0) {
		finding_set(finding, FINDING_FAILED, "libsasl2 with the plugins in its folder: %s", err.text);
		finding_advise(finding, "take foreign plugins out of its folder (%s), one by one", folder);
	} else {
		plugins_judge(answer.len > 0 ? answer.data : "", folder, finding);
	}
	buf_free(&answer);
}
