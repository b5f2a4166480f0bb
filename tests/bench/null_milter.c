/*
 * A milter that has mailbearer-milter's callbacks and does nothing in them: what libmilter and the MTA's protocol cost
 * by themselves. tests/bench/milter.py measures it beside ours, in one run. -c: it changes each message as ours does
 * one with foreign senders, but without looking at it.
 *
 *    null_milter [-c] SOCKET
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <libmilter/mfapi.h>

#define ACTIONS (SMFIF_CHGHDRS | SMFIF_ADDHDRS | SMFIF_CHGFROM)

/* As ours asks for with no gate set. */
#define STEPS                                                                                                          \
	(SMFIP_NOHELO | SMFIP_NOUNKNOWN | SMFIP_NODATA | SMFIP_NOEOH | SMFIP_NOBODY | SMFIP_NR_CONN | SMFIP_NR_HDR |   \
	 SMFIP_NR_BODY | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_HDR_LEADSPC)

static bool changes;

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps, unsigned long unused,
			     unsigned long unused_too, unsigned long *want_actions, unsigned long *want_steps,
			     unsigned long *want_unused, unsigned long *want_unused_too)
{
	(void)unused;
	(void)unused_too;
	smfi_setsymlist(ctx, SMFIM_CONNECT, (char *)"i {daemon_name} {daemon_addr} {daemon_port}");
	smfi_setsymlist(ctx, SMFIM_ENVFROM, (char *)"i {auth_authen}");
	smfi_setsymlist(ctx, SMFIM_ENVRCPT, (char *)"i {rcpt_mailer} {rcpt_host}");
	smfi_setsymlist(ctx, SMFIM_EOM, (char *)"i");
	*want_actions = actions & (ACTIONS | SMFIF_SETSYMLIST);
	*want_steps = steps & STEPS;
	*want_unused = *want_unused_too = 0;
	return SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
	(void)ctx;
	(void)host;
	(void)address;
	return SMFIS_NOREPLY;
}

static sfsistat on_arguments(SMFICTX *ctx, char **arguments)
{
	(void)ctx;
	(void)arguments;
	return SMFIS_NOREPLY;
}

static sfsistat on_field(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx;
	(void)name;
	(void)value;
	return SMFIS_NOREPLY;
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *bytes, size_t len)
{
	(void)ctx;
	(void)bytes;
	(void)len;
	return SMFIS_NOREPLY;
}

static sfsistat go_on(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_CONTINUE;
}

static sfsistat on_end(SMFICTX *ctx)
{
	if (changes) {
		smfi_insheader(ctx, 0, (char *)"X-Original-From", (char *)" Scanner <scanner@printer.local>");
		smfi_insheader(ctx, 0, (char *)"Reply-To", (char *)" Scanner <scanner@printer.local>");
		smfi_chgheader(ctx, (char *)"From", 1, (char *)" Scanner <relay@contoso.com>");
	}
	return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
	struct smfiDesc description = {
	    .xxfi_name = (char *)"null_milter",
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_flags = ACTIONS | SMFIF_SETSYMLIST,
	    .xxfi_negotiate = on_negotiate,
	    .xxfi_connect = on_connect,
	    .xxfi_envfrom = on_arguments,
	    .xxfi_envrcpt = on_arguments,
	    .xxfi_header = on_field,
	    .xxfi_body = on_body,
	    .xxfi_eom = on_end,
	    .xxfi_abort = go_on,
	    .xxfi_close = go_on,
	};

	changes = argc == 3 && strcmp(argv[1], "-c") == 0;
	if (argc != 2 + changes) {
		fprintf(stderr, "usage: null_milter [-c] SOCKET\n");
		return 2;
	}
	if (smfi_register(description) != MI_SUCCESS || smfi_setconn(argv[argc - 1]) != MI_SUCCESS ||
	    smfi_opensocket(0) != MI_SUCCESS)
		return 1;
	return smfi_main() == MI_SUCCESS ? 0 : 1;
}
