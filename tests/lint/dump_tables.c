/* Prints the tables that the manual must know, for check_documents.py: events, settings, providers, steps. */
#include <stdio.h>

#include "check/check.h"
#include "daemon/event.h"
#include "daemon/provider.h"
#include "daemon/settings.h"

int main(void)
{
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
	return 0;
}
