/* Which recipients are none of our business? Called by the callbacks, for each recipient. Pure. */
#include <string.h>
#include <strings.h>

#include "milter/route.h"

static bool is_listed(const struct settings_list *list, const char *text, size_t len)
{
	for (size_t i = 0; i < list->count; i++)
		if (strncasecmp(list->items[i], text, len) == 0 && list->items[i][len] == '\0')
			return true;
	return false;
}

/* "[host]:port" of the MTA is named whole, or as "host". */
static bool is_listed_host(const struct settings_list *list, const char *host)
{
	bool bracket = *host == '[';
	const char *name = host + bracket;

	return is_listed(list, host, strlen(host)) || is_listed(list, name, strcspn(name, bracket ? "]" : ":"));
}

bool route_is_elsewhere(const struct settings_milter *settings, const char *mailer, const char *host)
{
	if (mailer && is_listed(&settings->mailers, mailer, strlen(mailer)))
		return true;
	return host && *host && is_listed_host(&settings->hosts, host);
}
