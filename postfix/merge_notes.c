/*
 * What the administrator has to know of an installation's own settings that are kept beside ours. Pure. Called by
 * apply_plan.c.
 */
#include <string.h>

#include "postfix/merge_private.h"
#include "postfix/milters.h"
#include "postfix/text.h"

static const char *value_of(const struct installation *installation, const char *name)
{
	const char *value = installation_value(installation, name);

	return value != NULL ? value : "";
}

static const struct wished_parameter *wished_of(const struct wished *wished, enum wished_how how)
{
	for (size_t i = 0; i < wished->parameter_count; i++)
		if (wished->parameters[i].how == how)
			return &wished->parameters[i];
	return NULL;
}

/* Tables that send some senders' mail elsewhere. */
static void note_tables(const struct wished *wished, const struct installation *installation, struct buf *out)
{
	const char *transports = value_of(installation, "sender_dependent_default_transport_maps");
	const struct wished_parameter *map = wished_of(wished, WISHED_MAP);
	struct buf others = BUF_INIT(TEXT_FILE_MAX);

	text_list_without(transports, wished->route, &others);
	if (map == NULL && others.len > 0)
		buf_printf(out,
			   "sender_dependent_default_transport_maps stays: senders in %s do not go by the account.\n",
			   others.data);
	out->failed |= others.failed;
	buf_free(&others);
	if (map == NULL && *value_of(installation, "sender_dependent_relayhost_maps") != '\0')
		buf_puts(out,
			 "sender_dependent_relayhost_maps stays, but default_transport names the next hop now, for "
			 "all senders.\n");
	if (map != NULL && wished->default_account && *transports != '\0' && !text_same(transports, map->value))
		buf_puts(out,
			 "Of sender_dependent_default_transport_maps no table is reached that stands behind tokend's, "
			 "which knows every sender, since the milter section has a default_account.\n");
}

/* The next hop that all mail has now, if it is told so: of "TRANSPORT:[host]:port" what is behind the first colon. */
static const char *new_next_hop(const struct wished *wished)
{
	for (size_t i = 0; i < wished->parameter_count; i++)
		if (strcmp(wished->parameters[i].name, "default_transport") == 0)
			return strchr(wished->parameters[i].value, ':') + 1;
	return NULL;
}

/* The way out that was there before, and its passwords. */
static void note_old_way(const struct wished *wished, const struct installation *installation, struct buf *out)
{
	const char *old = value_of(installation, "relayhost"), *next_hop = new_next_hop(wished);
	const char *passwords = value_of(installation, "smtp_sasl_password_maps");

	if (*old != '\0' && next_hop != NULL && !text_same(old, next_hop))
		buf_printf(out,
			   "relayhost stays (%s), and is not used any more: all senders' mail goes by the account now. "
			   "Those that are to go on by it need a connector section in mailbearer.conf.\n",
			   old);
	if (*old != '\0' && next_hop == NULL && wished->routed && wished->default_account)
		buf_printf(out,
			   "relayhost stays (%s), and is not used any more: default_account gives every sender an "
			   "account. Those that are to go on by it need a connector section in mailbearer.conf.\n",
			   old);
	if (*passwords != '\0' && wished->service_count > 0)
		buf_printf(out,
			   "smtp_sasl_password_maps stays (%s) for what other transports send; the accounts' own log "
			   "in by tokend.\n",
			   passwords);
}

/* Services that take mail in and have milters of their own. */
static void note_services(const struct wished_parameter *milter, const struct installation *installation,
			  struct buf *out)
{
	const struct installation_service *service;
	struct buf socket = BUF_INIT(TEXT_FILE_MAX);

	milters_socket(milter->value, &socket);
	for (size_t i = 0; !socket.failed && (service = installation_service_at(installation, i)) != NULL; i++) {
		struct buf name = BUF_INIT(TEXT_FILE_MAX);
		const char *own;

		buf_printf(&name, "%s/%s", service->name, service->type);
		own = name.failed ? NULL : installation_option(installation, name.data, "smtpd_milters");
		if (own != NULL && strstr(own, "smtpd_milters") == NULL && !milters_has(own, socket.data))
			buf_printf(out,
				   "master.cf's service %s has smtpd_milters of its own (%s): what comes in there does "
				   "not pass our milter.\n",
				   name.data, *own != '\0' ? own : "none");
		buf_free(&name);
	}
	out->failed |= socket.failed;
	buf_free(&socket);
}

void merge_notes(const struct wished *wished, const struct installation *installation, struct buf *out)
{
	const struct wished_parameter *milter = wished_of(wished, WISHED_MILTER);
	const char *generic = value_of(installation, "smtp_generic_maps");

	wished_print_notes(wished, out);
	note_tables(wished, installation, out);
	note_old_way(wished, installation, out);
	merge_retire_notes(wished, installation, out);
	if (milter != NULL)
		note_services(milter, installation, out);
	if (wished->service_count > 0 && *generic != '\0')
		buf_printf(
		    out,
		    "smtp_generic_maps stays (%s): it rewrites senders last of all, and what comes out of it has "
		    "to be an address that the account may send as.\n",
		    generic);
}
