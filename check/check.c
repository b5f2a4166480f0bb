/*
 * The table of steps, and the walk along it: what fails takes with it what depends on it, and nothing else. Prints
 * nothing: whoever calls gets each finding as it comes. Called by the CLI's command check.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check/check.h"
#include "check/steps.h"
#include "postfix/installation.h"
#include "postfix/wished.h"
#include "smtp/relay.h"

enum step {
	STEP_CONFIG,
	STEP_FILES,
	STEP_SEAL,
	STEP_STATE,
	STEP_DAEMON,
	STEP_SOCKETS,
	STEP_POSTFIX,
	STEP_RUNNING,
	STEP_VERSION,
	STEP_PLUGIN,
	STEP_TRANSPORT,
	STEP_LOGIN,
	STEP_MECHANISM,
	STEP_SECURITY,
	STEP_TLSLEVEL,
	STEP_CA,
	STEP_AUTHCACHE,
	STEP_SOFTBOUNCE,
	STEP_NULLSENDER,
	STEP_CONCURRENCY,
	STEP_REWRITING,
	STEP_RESOLVER,
	STEP_MILTER,
	STEP_MILTER_UP,
	STEP_CHROOT,
	STEP_GRANT,
	STEP_PROVIDER,
	STEP_TOKEN,
	STEP_CLAIMS,
	STEP_DNS,
	STEP_TCP,
	STEP_TLS,
	STEP_AUTH,
	STEP_SENDER,
	STEP_RECIPIENT,
	STEP_MESSAGE,
	STEP_COUNT
};

#define BIT(step) (UINT64_C(1) << (step))

enum traits { FOR_EACH_ACCOUNT = 1, NETWORK = 2, WITH_RECIPIENT = 4, OF_POSTFIX = 8 };

static const struct {
	const char *name;
	step_run *run;
	uint64_t needs; /* BIT()s of earlier steps, that must not have failed or been skipped */
	unsigned traits;
} steps[STEP_COUNT] = {
    [STEP_CONFIG] = {"config", step_config, 0, 0},
    [STEP_FILES] = {"files", step_files, BIT(STEP_CONFIG), 0},
    [STEP_SEAL] = {"seal", step_seal, BIT(STEP_CONFIG), 0},
    [STEP_STATE] = {"state", step_state, BIT(STEP_CONFIG), 0},
    [STEP_DAEMON] = {"daemon", step_daemon, BIT(STEP_CONFIG), 0},
    [STEP_SOCKETS] = {"sockets", step_sockets, BIT(STEP_DAEMON), 0},
    [STEP_POSTFIX] = {"postfix", step_postfix, BIT(STEP_CONFIG), 0},
    [STEP_RUNNING] = {"running", step_running, BIT(STEP_POSTFIX), OF_POSTFIX},
    [STEP_VERSION] = {"version", step_version, BIT(STEP_POSTFIX), OF_POSTFIX},
    [STEP_PLUGIN] = {"plugin", step_plugin, 0, 0},
    [STEP_TRANSPORT] = {"transport", step_transport, BIT(STEP_POSTFIX), OF_POSTFIX},
    [STEP_LOGIN] = {"login", step_login, BIT(STEP_TRANSPORT), OF_POSTFIX},
    [STEP_MECHANISM] = {"mechanism", step_mechanism, BIT(STEP_TRANSPORT), OF_POSTFIX},
    [STEP_SECURITY] = {"security", step_security, BIT(STEP_TRANSPORT), OF_POSTFIX},
    [STEP_TLSLEVEL] = {"tlslevel", step_tlslevel, BIT(STEP_TRANSPORT), OF_POSTFIX},
    [STEP_CA] = {"ca", step_ca, BIT(STEP_TRANSPORT), OF_POSTFIX},
    [STEP_AUTHCACHE] = {"authcache", step_authcache, BIT(STEP_TRANSPORT), OF_POSTFIX},
    [STEP_SOFTBOUNCE] = {"softbounce", step_softbounce, BIT(STEP_TRANSPORT), OF_POSTFIX},
    [STEP_NULLSENDER] = {"nullsender", step_nullsender, BIT(STEP_TRANSPORT), OF_POSTFIX},
    [STEP_CONCURRENCY] = {"concurrency", step_concurrency, BIT(STEP_TRANSPORT), OF_POSTFIX},
    [STEP_REWRITING] = {"rewriting", step_rewriting, BIT(STEP_TRANSPORT), OF_POSTFIX},
    [STEP_RESOLVER] = {"resolver", step_resolver, BIT(STEP_TRANSPORT), OF_POSTFIX},
    [STEP_MILTER] = {"milter", step_milter, BIT(STEP_POSTFIX), OF_POSTFIX},
    [STEP_MILTER_UP] = {"milter-up", step_milter_up, BIT(STEP_MILTER), OF_POSTFIX},
    [STEP_CHROOT] = {"chroot", step_chroot, BIT(STEP_TRANSPORT) | BIT(STEP_LOGIN) | BIT(STEP_DAEMON), OF_POSTFIX},
    [STEP_GRANT] = {"grant", step_grant, BIT(STEP_DAEMON), FOR_EACH_ACCOUNT},
    [STEP_PROVIDER] = {"provider", step_provider, BIT(STEP_GRANT), FOR_EACH_ACCOUNT},
    [STEP_TOKEN] = {"token", step_token, BIT(STEP_GRANT), FOR_EACH_ACCOUNT},
    [STEP_CLAIMS] = {"claims", step_claims, BIT(STEP_TOKEN), FOR_EACH_ACCOUNT},
    [STEP_DNS] = {"dns", step_dns, BIT(STEP_CONFIG), FOR_EACH_ACCOUNT | NETWORK},
    [STEP_TCP] = {"tcp", step_tcp, BIT(STEP_DNS), FOR_EACH_ACCOUNT | NETWORK},
    [STEP_TLS] = {"tls", step_tls, BIT(STEP_TCP), FOR_EACH_ACCOUNT | NETWORK},
    [STEP_AUTH] = {"auth", step_auth, BIT(STEP_TLS) | BIT(STEP_TOKEN), FOR_EACH_ACCOUNT | NETWORK},
    [STEP_SENDER] = {"sender", step_sender, BIT(STEP_AUTH), FOR_EACH_ACCOUNT | NETWORK},
    [STEP_RECIPIENT] = {"recipient", step_recipient, BIT(STEP_SENDER), FOR_EACH_ACCOUNT | NETWORK},
    [STEP_MESSAGE] = {"message", step_message, BIT(STEP_RECIPIENT), FOR_EACH_ACCOUNT | NETWORK | WITH_RECIPIENT},
};

const char *check_step_at(unsigned i)
{
	return i < STEP_COUNT ? steps[i].name : NULL;
}

struct walk {
	struct world world;
	check_report *report;
	void *arg;
	uint64_t missing;           /* BIT()s of what failed or was skipped */
	enum step root[STEP_COUNT]; /* of each of those: the first that stood in its way; it itself */
	bool no_postfix;            /* it is not on this machine */
	struct check_counts counts;
};

static void count(struct check_counts *counts, enum finding_mark mark)
{
	counts->ok += mark == FINDING_OK;
	counts->warnings += mark == FINDING_WARNING;
	counts->failed += mark == FINDING_FAILED;
	counts->skipped += mark == FINDING_SKIPPED;
}

/* The first step that is missing for this one; STEP_COUNT: none. */
static enum step missing_for(const struct walk *walk, enum step step)
{
	enum step needed = 0;

	while (needed < STEP_COUNT && !(steps[step].needs & walk->missing & BIT(needed)))
		needed++;
	return needed;
}

static void take_step(struct walk *walk, enum step step)
{
	struct finding finding = FINDING_INIT;
	enum step needed = missing_for(walk, step);
	const struct settings_account *account = walk->world.account;

	walk->root[step] = needed != STEP_COUNT ? walk->root[needed] : step;
	if (needed != STEP_COUNT) {
		finding_set(&finding, FINDING_SKIPPED, "needs %s", steps[walk->root[step]].name);
		finding.needs = steps[walk->root[step]].name;
	} else if ((steps[step].traits & NETWORK) && walk->world.options->no_network)
		finding_set(&finding, FINDING_SKIPPED, "no network is to be used");
	else
		steps[step].run(&walk->world, &finding);
	if (finding.mark == FINDING_FAILED || finding.mark == FINDING_SKIPPED)
		walk->missing |= BIT(step);
	if (step == STEP_DAEMON && finding.mark == FINDING_FAILED)
		walk->counts.no_tokend = true;
	if (step == STEP_POSTFIX && finding.mark == FINDING_SKIPPED && needed == STEP_COUNT)
		walk->no_postfix = true;
	count(&walk->counts, finding.mark);
	walk->report(walk->arg, steps[step].name,
		     account != NULL && walk->world.mailbox != NULL ? walk->world.mailbox
		     : account != NULL                              ? account->name
								    : NULL,
		     account != NULL ? account->client : NULL, &finding);
	finding_free(&finding);
}

/* Of what is not wanted, or not there at all, nothing is said. */
static bool is_left_out(const struct walk *walk, enum step step)
{
	return ((steps[step].traits & WITH_RECIPIENT) && walk->world.options->recipient == NULL) ||
	       ((steps[step].traits & OF_POSTFIX) && walk->no_postfix);
}

static void take_steps(struct walk *walk, unsigned traits)
{
	for (enum step step = 0; step < STEP_COUNT; step++) {
		if ((steps[step].traits & FOR_EACH_ACCOUNT) != traits)
			continue;
		if (!is_left_out(walk, step))
			take_step(walk, step);
	}
}

/* The mailbox is NULL for a whole domain of which none was named. */
static void take_account(struct walk *walk, const struct settings_account *account, const char *mailbox)
{
	uint64_t before = walk->missing;

	walk->world.account = account;
	walk->world.mailbox = mailbox;
	take_steps(walk, FOR_EACH_ACCOUNT);
	world_leave_account(&walk->world);
	walk->missing = before;
}

static void take_accounts(struct walk *walk)
{
	const struct settings *settings = walk->world.settings;
	const char *wanted = walk->world.options->account;

	if (wanted != NULL) {
		take_account(walk, senders_account(walk->world.senders, wanted, strlen(wanted)), wanted);
		return;
	}
	for (size_t i = 0; i < settings->account_count; i++) {
		const struct settings_account *account = &settings->accounts[i];

		take_account(walk, account, account->name[0] != '*' ? account->name : NULL);
	}
}

struct check_counts check_run(const struct check_options *options, check_report *report, void *arg)
{
	struct walk walk = {.report = report, .arg = arg};

	walk.world.options = options;
	walk.world.token = BUF_INIT(WIRE_REPLY_MAX);
	take_steps(&walk, 0);
	if (!(walk.missing & BIT(STEP_CONFIG)))
		take_accounts(&walk);
	buf_free(&walk.world.token);
	installation_free(walk.world.postfix);
	wished_free(walk.world.wished);
	senders_free(walk.world.senders);
	settings_free(walk.world.settings);
	return walk.counts;
}
