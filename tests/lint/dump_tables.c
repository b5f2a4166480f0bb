/* Prints the tables that the manual must know, for check_documents.py: events, settings, providers, steps, causes. */
#include <stdio.h>

#include "check/check.h"
#include "daemon/event.h"
#include "daemon/explain.h"
#include "daemon/provider.h"
#include "daemon/settings.h"

/* One line, fields between tabs, lines of the steps between unit separators. */
static void print_cause(const struct explain_cause *cause)
{
	static const struct explain_values none = {NULL, NULL, NULL};
	const struct explain_advice *advice = cause->advice;
	struct buf text = BUF_INIT(65536);

	explain_fill(advice->remedy, &none, &text);
	buf_puts(&text, "\t");
	if (advice->steps)
		explain_fill(advice->steps, &none, &text);
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == '\n')
			text.data[i] = '\x1f';
	printf("cause\t%s\t%s\t%s\t%s\t%.*s\n", cause->name, cause->meaning, explain_course_text(advice->course),
	       explain_who_text(advice->who), (int)text.len, text.data);
	buf_free(&text);
}

int main(void)
{
	struct explain_cause cause;
	const struct provider *provider;
	const char *name;
	unsigned i;

	for (i = 0; (name = event_at(i)) != NULL; i++)
		printf("event %s\n", name);
	for (i = 0; (name = settings_key_at(i)) != NULL; i++)
		printf("setting %s\n", name);
	for (i = 0; (provider = provider_at(i)) != NULL; i++)
		if (provider->relayhost)
			printf("provider %s%s%s %s %s\n", provider->name, provider->cloud ? " " : "",
			       provider->cloud ? provider->cloud : "", provider->verified ? "verified" : "field",
			       provider->relayhost);
	for (i = 0; (name = check_step_at(i)) != NULL; i++)
		printf("step %s\n", name);
	for (i = 0; explain_at(i, &cause); i++)
		print_cause(&cause);
	return 0;
}
