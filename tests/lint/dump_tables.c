/* Prints the tables that the manual must know, for check_documents.py: events, settings, providers, steps, causes; and,
 * for the test of what is shown to be typed, what setup prints to be done at the provider. */
#include <stdio.h>
#include <string.h>

#include "check/check.h"
#include "daemon/event.h"
#include "daemon/explain.h"
#include "daemon/provider.h"
#include "daemon/settings.h"
#include "setup/homework.h"

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

/* With these answers; NULL: it is not known. */
static void print_homework(const char *mailbox, const char *access, const char *cloud, const char *object_id)
{
	struct setup_answers answers = {.secret = NULL};
	struct buf text = BUF_INIT(65536);

	setup_answer(&answers, SETUP_PROVIDER, "microsoft");
	setup_answer(&answers, SETUP_CLIENT_ID, "f3a1c9d2-5b7e-4c60-9a8d-2e4b6f801357");
	setup_answer(&answers, SETUP_MAILBOX, mailbox);
	setup_answer(&answers, SETUP_ACCESS, access);
	setup_answer(&answers, SETUP_CLOUD, cloud);
	if (object_id != NULL)
		setup_answer(&answers, SETUP_OBJECT_ID, object_id);
	homework(&answers, &text);
	for (char *line = strtok(text.data, "\n"); line != NULL; line = strtok(NULL, "\n"))
		printf("homework %s\n", line);
	buf_free(&text);
	setup_answers_free(&answers);
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
	print_homework("relay@contoso.com", "user", "public", NULL);
	print_homework("o'hara@contoso.com", "user", "gcc-high", NULL);
	print_homework("{a}&b@contoso.com", "application", "dod", NULL);
	print_homework("*@factory.contoso.com", "application", "china", "0a1b2c3d-0000-4000-8000-00000000000f");
	return 0;
}
