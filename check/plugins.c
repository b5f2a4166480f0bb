/* Judges what libsasl2 loads. Pure. Called by plugin.c. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "check/plugins.h"

#define OURS "mailbearer"
#define FILE_NAME "libmailbearer.so"
#define LINE_MAX_BYTES 1024

static const char kinds[] = {
    [PLUGINS_FILE] = 'F', [PLUGINS_MECH] = 'M', [PLUGINS_LOG] = 'L', [PLUGINS_NO_LIBRARY] = 'N'};

void plugins_put(struct buf *out, enum plugins_line kind, const char *text, const char *plugin)
{
	char line[LINE_MAX_BYTES];

	snprintf(line, sizeof line, "%c%s\t%s", kinds[kind], text != NULL ? text : "", plugin != NULL ? plugin : "");
	for (char *end = line; (end = strchr(end, '\n')) != NULL;)
		*end = ' ';
	buf_puts(out, line);
	buf_puts(out, "\n");
}

/* What the lines come to. */
struct view {
	char folder[LINE_MAX_BYTES];    /* of the last file; "" */
	char complaint[LINE_MAX_BYTES]; /* of libsasl2 about our file; "" */
	char library[LINE_MAX_BYTES];   /* why there is none; "" */
	char other[LINE_MAX_BYTES];     /* another plugin that brings XOAUTH2; "" */
	bool file, xoauth2, other_first;
};

static void take_file(struct view *view, const char *path)
{
	const char *slash = strrchr(path, '/');

	snprintf(view->folder, sizeof view->folder, "%.*s", slash != NULL ? (int)(slash - path) : 0, path);
	view->file = view->file || strcmp(slash != NULL ? slash + 1 : path, FILE_NAME) == 0;
}

static void take_mechanism(struct view *view, const char *name, const char *plugin)
{
	if (strcmp(name, "XOAUTH2") != 0)
		return;
	if (strcmp(plugin, OURS) == 0) {
		view->xoauth2 = true;
	} else {
		view->other_first = view->other_first || !view->xoauth2;
		snprintf(view->other, sizeof view->other, "%s", plugin);
	}
}

static void take_line(struct view *view, char *line)
{
	char *tab = strrchr(line, '\t');

	*tab = '\0';
	if (line[0] == kinds[PLUGINS_FILE])
		take_file(view, line + 1);
	else if (line[0] == kinds[PLUGINS_MECH])
		take_mechanism(view, line + 1, tab + 1);
	else if (line[0] == kinds[PLUGINS_NO_LIBRARY])
		snprintf(view->library, sizeof view->library, "%s", line + 1);
	else if (strstr(line, OURS) != NULL)
		snprintf(view->complaint, sizeof view->complaint, "%s", line + 1);
}

static void take_lines(struct view *view, const char *lines)
{
	char line[LINE_MAX_BYTES];
	size_t len;

	for (; *lines != '\0'; lines += len + (lines[len] == '\n')) {
		len = strcspn(lines, "\n");
		snprintf(line, sizeof line, "%.*s", (int)len, lines);
		if (strchr(line, '\t') != NULL)
			take_line(view, line);
	}
}

static void say_install(const char *folder, struct finding *finding)
{
	if (strcmp(folder, SASLPLUGINDIR) == 0) {
		finding_advise(finding, "install it again: by \"make install\" or the package");
		finding_line(finding, "apt-get install --reinstall mailbearer");
	} else {
		finding_advise(finding, "put it there; it was built for %s", SASLPLUGINDIR);
		finding_line(finding, "install -m 0644 %s/%s %s/", SASLPLUGINDIR, FILE_NAME, folder);
	}
}

static void judge(const struct view *view, const char *folder, struct finding *finding)
{
	if (view->library[0] != '\0') {
		finding_set(finding, FINDING_FAILED, "libsasl2 cannot be loaded: %s", view->library);
		finding_line(finding, "apt-get install libsasl2-2");
	} else if (!view->file) {
		finding_set(finding, FINDING_FAILED, "%s is not in %s, where libsasl2 looks", FILE_NAME, folder);
		say_install(folder, finding);
	} else if (!view->xoauth2 && view->other[0] == '\0') {
		finding_set(finding, FINDING_FAILED, "%s/%s is there and libsasl2 does not take it: %s", folder,
			    FILE_NAME, view->complaint[0] != '\0' ? view->complaint : "it does not say why");
		finding_advise(finding, "install the one of this machine's architecture, readable by all");
		finding_line(finding, "chmod a+r %s/%s; ldd %s/%s", folder, FILE_NAME, folder, FILE_NAME);
	} else if (view->other[0] != '\0') {
		finding_set(finding, FINDING_FAILED,
			    "plugin \"%s\" in %s brings XOAUTH2 too, and libsasl2 takes one of them", view->other,
			    folder);
		finding_advise(finding, "take the other one away");
		finding_line(finding, "ls %s/*oauth*", folder);
	} else {
		finding_set(finding, FINDING_OK, "%s/%s: XOAUTH2 visible to libsasl2", folder, FILE_NAME);
	}
}

void plugins_judge(const char *lines, const char *folder, struct finding *finding)
{
	struct view view = {.file = false};

	take_lines(&view, lines);
	judge(&view, view.folder[0] != '\0' ? view.folder : folder, finding);
}
