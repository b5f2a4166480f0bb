/*
 * The conversation: goes through the table of questions, takes what the options and the configuration say, asks a
 * person for the rest, and has each answer checked, the tenant's by the provider itself. Called by flow.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "setup/ask.h"
#include "setup/conf_edit.h"
#include "setup/fetch.h"
#include "setup/plan.h"
#include "setup/tenant.h"

#define PROMPT_MAX 512
#define WIDTH 79 /* columns */
#define ADDRESS_MAX 8192

struct talk {
	const struct setup_doors *doors;
	const struct buf *conf;
	struct setup_answers *answers;
	bool given[SETUP_QUESTIONS]; /* on the command line */
	struct err *err;
};

enum after { GO_ON, AGAIN, FAILED };

static const char *text_of(const struct buf *buf)
{
	return buf->data != NULL ? buf->data : "";
}

static int no_memory(const struct talk *talk)
{
	return err_set(talk->err, ERR_MEMORY, "out of memory");
}

/* In lines that fit the narrowest terminal, set off by two blanks. */
static int say(const struct talk *talk, const char *text)
{
	struct buf lines = BUF_INIT(PROMPT_MAX * 4);
	size_t column = 0, len;
	int result;

	for (text += strspn(text, " "); *text != '\0'; text += len + strspn(text + len, " ")) {
		len = strcspn(text, " ");
		if (column > 0 && column + 1 + len > WIDTH) {
			buf_puts(&lines, "\n");
			column = 0;
		}
		buf_printf(&lines, column == 0 ? "  %.*s" : " %.*s", (int)len, text);
		column += len + (column == 0 ? 2 : 1);
	}
	buf_puts(&lines, "\n");
	result = talk->doors->say(talk->doors->arg, &lines, talk->err);
	buf_free(&lines);
	return result;
}

int setup_confirm(const struct setup_doors *doors, const char *prompt, bool preset, struct err *err)
{
	struct buf answer = BUF_INIT(SETUP_ANSWER_MAX);
	int result = -2;

	while (result == -2) {
		buf_clear(&answer);
		if (doors->ask(doors->arg, prompt, preset ? "yes" : "no", &answer, err) != 0)
			result = -1;
		else if (answer.len == 0)
			result = preset;
		else if (strcasecmp(answer.data, "yes") == 0 || strcasecmp(answer.data, "y") == 0)
			result = 1;
		else if (strcasecmp(answer.data, "no") == 0 || strcasecmp(answer.data, "n") == 0)
			result = 0;
	}
	buf_free(&answer);
	return result;
}

/* --- the secret --- */

static int take_secret(const struct talk *talk, const struct buf *typed)
{
	const char *problem = setup_problem(talk->answers, SETUP_SECRET, text_of(typed));

	if (problem != NULL)
		return err_set(talk->err, ERR_SYNTAX, "the client secret %s", problem);
	secret_free(talk->answers->secret);
	talk->answers->secret = secret_new(typed->data, typed->len);
	return talk->answers->secret != NULL ? 0 : no_memory(talk);
}

/* Is there one already, of this account's client? It stays then, unless another is given. */
static bool keeps_secret(const struct talk *talk)
{
	struct buf client = BUF_INIT(PLAN_NAME_SIZE), path = BUF_INIT(SETUP_ANSWER_MAX);
	bool kept = conf_get(talk->conf, "account", setup_text(talk->answers, SETUP_MAILBOX), "client", &client) &&
		    conf_get(talk->conf, "client", text_of(&client), "client_secret_file", &path);

	buf_free(&client);
	buf_free(&path);
	return kept;
}

static int read_secret(const struct talk *talk, const char *file, const char *prompt)
{
	struct buf typed = BUF_INIT(SECRET_MAX + 256);
	int result = talk->doors->ask_secret(talk->doors->arg, prompt, file, &typed, talk->err);

	if (result == 0 && (typed.len > 0 || file != NULL || !keeps_secret(talk)))
		result = take_secret(talk, &typed);
	buf_free(&typed);
	return result;
}

/* Until it is one, or nobody wants to any more. */
static int ask_for_secret(const struct talk *talk)
{
	const char *prompt = keeps_secret(talk) ? "Value of the client secret (it is not shown; Enter: as it is)"
						: "Value of the client secret (it is not shown)";

	while (read_secret(talk, NULL, prompt) != 0) {
		if (talk->err->code != ERR_SYNTAX || say(talk, talk->err->text) != 0)
			return -1;
	}
	return setup_answer(talk->answers, SETUP_SECRET, "") == 0 ? 0 : no_memory(talk);
}

/* --- does the provider know the tenant? --- */

static const struct provider *provider_of(const struct talk *talk)
{
	const char *cloud = setup_text(talk->answers, SETUP_CLOUD);

	return provider_find(setup_text(talk->answers, SETUP_PROVIDER), *cloud != '\0' ? cloud : NULL);
}

static enum tenant_verdict look_up(const struct talk *talk, const struct provider *provider, struct tenant_found *found,
				   struct err *err)
{
	const char *tenant = setup_text(talk->answers, SETUP_TENANT);
	const char *metadata = setup_text(talk->answers, SETUP_METADATA_URL);
	struct buf address = BUF_INIT(ADDRESS_MAX), body = BUF_INIT(FETCH_MAX);
	struct fetch request = {.ca_file = talk->answers->text[SETUP_CA_FILE],
				.proxy = talk->answers->text[SETUP_PROXY]};
	enum tenant_verdict verdict = TENANT_NO_ANSWER;
	int status;

	*found = (struct tenant_found){.cloud = NULL};
	if (tenant_address(provider, tenant, metadata, &address) == 0) {
		request.url = address.data;
		status = fetch(&request, &body, err);
		if (status != 0)
			verdict =
			    tenant_judge(provider, *tenant != '\0' ? tenant : metadata, status, &body, found, err);
	} else {
		err_set(err, ERR_LIMIT, "the address is too long");
	}
	buf_free(&address);
	buf_free(&body);
	return verdict;
}

/* Which of Microsoft's other clouds has the tenant; NULL: none. */
static const char *find_cloud(const struct talk *talk)
{
	const struct provider *provider, *asked = provider_of(talk);
	struct tenant_found found;
	struct err err;

	for (unsigned i = 0; (provider = provider_at(i)) != NULL; i++) {
		if (provider->cloud == NULL || strcmp(provider->metadata_url, asked->metadata_url) == 0)
			continue;
		switch (look_up(talk, provider, &found, &err)) {
		case TENANT_FOUND:
			return found.cloud != NULL ? found.cloud : provider->cloud;
		case TENANT_OTHER_CLOUD:
			return found.cloud;
		case TENANT_UNKNOWN:
		case TENANT_NO_ANSWER:
			break;
		}
	}
	return NULL;
}

/* The tenant is elsewhere. A person is told and goes there; an option that says otherwise is wrong. */
static enum after change_cloud(const struct talk *talk, const char *cloud)
{
	char text[PROMPT_MAX];

	if (!talk->answers->asking) {
		err_set(talk->err, ERR_SYNTAX, "--cloud: the tenant is in Microsoft's cloud %s; give --cloud %s", cloud,
			cloud);
		return FAILED;
	}
	snprintf(text, sizeof text, "That tenant is in Microsoft's cloud %s, which is taken therefore.", cloud);
	if (say(talk, text) != 0 || setup_answer(talk->answers, SETUP_CLOUD, cloud) != 0)
		return FAILED;
	return GO_ON;
}

/* From the first question about where the provider is to the last. */
static enum after ask_again(const struct talk *talk)
{
	for (unsigned id = SETUP_METADATA_URL; id <= SETUP_CLOUD; id++) {
		free(talk->answers->text[id]);
		talk->answers->text[id] = NULL;
	}
	return AGAIN;
}

static enum after refuse_tenant(const struct talk *talk, const char *text)
{
	if (!talk->answers->asking) {
		err_set(talk->err, ERR_SYNTAX, "--%s: %s",
			talk->answers->text[SETUP_TENANT] != NULL ? "tenant" : "metadata-url", text);
		return FAILED;
	}
	return say(talk, text) == 0 ? ask_again(talk) : FAILED;
}

/* It may be the network of this evening. */
static enum after go_on_unchecked(const struct talk *talk, const struct err *problem)
{
	char text[ERR_TEXT_MAX + 64];
	int answer;

	snprintf(text, sizeof text, "The tenant cannot be checked now: %s", problem->text);
	if (!talk->answers->asking) {
		talk->doors->warn(talk->doors->arg, text);
		return GO_ON;
	}
	if (say(talk, text) != 0)
		return FAILED;
	answer = setup_confirm(talk->doors, "Go on without this check", true, talk->err);
	if (answer == 0)
		return ask_again(talk);
	return answer == 1 ? GO_ON : FAILED;
}

static enum after tell_found(const struct talk *talk, const struct tenant_found *found)
{
	char text[PROMPT_MAX];

	if (!talk->answers->asking)
		return GO_ON;
	snprintf(text, sizeof text, "Found%s%s%s%s.", found->id[0] != '\0' ? ": tenant ID " : "", found->id,
		 found->cloud != NULL ? ", in Microsoft's cloud " : "", found->cloud != NULL ? found->cloud : "");
	return say(talk, text) == 0 ? GO_ON : FAILED;
}

/* No such tenant, or not here: where is it? */
static enum after look_elsewhere(const struct talk *talk, const struct err *problem, const char *told)
{
	bool by_address = *setup_text(talk->answers, SETUP_METADATA_URL) != '\0';
	const char *cloud = told != NULL || by_address ? told : find_cloud(talk);

	if (cloud == NULL)
		return refuse_tenant(talk, problem->text);
	return change_cloud(talk, cloud);
}

static enum after check_tenant(const struct talk *talk)
{
	const struct provider *provider = provider_of(talk);
	struct tenant_found found;
	struct err problem = {.code = ERR_NONE};

	if (provider->metadata_url == NULL && *setup_text(talk->answers, SETUP_METADATA_URL) == '\0')
		return GO_ON;
	switch (look_up(talk, provider, &found, &problem)) {
	case TENANT_FOUND:
		return tell_found(talk, &found);
	case TENANT_UNKNOWN:
		return look_elsewhere(talk, &problem, NULL);
	case TENANT_OTHER_CLOUD:
		return look_elsewhere(talk, &problem, found.cloud);
	case TENANT_NO_ANSWER:
		break;
	}
	return go_on_unchecked(talk, &problem);
}

/* --- one question after the other --- */

/* Whoever pastes the portal's "OpenID Connect metadata document" where the tenant is asked for is understood. */
static bool is_metadata_url(enum setup_id id, const char *answer)
{
	return id == SETUP_TENANT && strncmp(answer, "https://", 8) == 0;
}

static int take(const struct talk *talk, enum setup_id id, const char *answer)
{
	if (is_metadata_url(id, answer))
		id = SETUP_METADATA_URL;
	return setup_answer(talk->answers, id, answer) == 0 ? 0 : no_memory(talk);
}

static int tell_why(const struct talk *talk, const char *why)
{
	struct buf text = BUF_INIT(PROMPT_MAX * 2);
	int result;

	buf_printf(&text, "%s", why);
	result = talk->doors->say(talk->doors->arg, &text, talk->err);
	buf_free(&text);
	return result;
}

/* Until the answer is right. */
static int ask_person(const struct talk *talk, enum setup_id id, const char *preset)
{
	const struct setup_question *question = setup_question(id);
	struct buf answer = BUF_INIT(SETUP_ANSWER_MAX);
	const char *problem = "";
	char text[PROMPT_MAX];
	int result = question->why != NULL ? tell_why(talk, question->why) : 0;

	while (result == 0 && problem != NULL) {
		buf_clear(&answer);
		result = talk->doors->ask(talk->doors->arg, question->prompt, preset, &answer, talk->err);
		if (result == 0 && answer.len == 0 && *preset != '\0')
			buf_puts(&answer, preset);
		problem = is_metadata_url(id, text_of(&answer))
			      ? NULL
			      : setup_problem_here(talk->conf, talk->answers, id, text_of(&answer));
		if (result != 0 || problem == NULL)
			continue;
		snprintf(text, sizeof text, "That %s.", problem);
		result = say(talk, text);
	}
	if (result == 0)
		result = take(talk, id, text_of(&answer));
	buf_free(&answer);
	return result;
}

static int missing(const struct talk *talk, const struct setup_question *question)
{
	return err_set(talk->err, ERR_SYNTAX, "--%s is missing: %s", question->option, question->about);
}

/* What nobody said on the command line. */
static int find_answer(const struct talk *talk, enum setup_id id)
{
	const struct setup_question *question = setup_question(id);
	struct buf preset = BUF_INIT(SETUP_ANSWER_MAX);
	bool asking = talk->answers->asking && question->prompt != NULL;
	int result = 0;

	setup_preset(talk->conf, talk->answers, id, &preset);
	if (question->form == SETUP_SECRET_TEXT && asking)
		result = ask_for_secret(talk);
	else if (asking && !(question->form == SETUP_UNLESS_KNOWN && preset.len > 0))
		result = ask_person(talk, id, text_of(&preset));
	else if (preset.len > 0)
		result = take(talk, id, preset.data);
	else if (question->needed && !(question->form == SETUP_SECRET_TEXT && keeps_secret(talk)))
		result = missing(talk, question);
	buf_free(&preset);
	return result;
}

static int check_given(const struct talk *talk, enum setup_id id)
{
	const struct setup_question *question = setup_question(id);
	const char *problem;

	if (question->form == SETUP_SECRET_TEXT)
		return read_secret(talk, talk->answers->text[id], question->prompt);
	problem = setup_problem_here(talk->conf, talk->answers, id, talk->answers->text[id]);
	return problem == NULL ? 0 : err_set(talk->err, ERR_SYNTAX, "--%s %s", question->option, problem);
}

/* A document's address in the file is a way to name the tenant, unless another is given. */
static bool applies(const struct talk *talk, enum setup_id id)
{
	struct buf preset = BUF_INIT(SETUP_ANSWER_MAX);
	bool stands = false;

	if (id == SETUP_METADATA_URL && !talk->given[SETUP_TENANT]) {
		setup_preset(talk->conf, talk->answers, id, &preset);
		stands = preset.len > 0;
		buf_free(&preset);
	}
	return stands || setup_question(id)->applies(talk->answers);
}

/* Is all there that the look-up of the tenant needs? */
static bool is_time_to_check(enum setup_id id)
{
	return id == SETUP_CLOUD;
}

static enum after settle(const struct talk *talk, enum setup_id id)
{
	int result = 0;

	if (talk->given[id] && !applies(talk, id))
		result = err_set(talk->err, ERR_SYNTAX, "--%s does not go with the other answers",
				 setup_question(id)->option);
	else if (talk->given[id])
		result = check_given(talk, id);
	else if (applies(talk, id))
		result = find_answer(talk, id);
	if (result != 0)
		return FAILED;
	return is_time_to_check(id) ? check_tenant(talk) : GO_ON;
}

int setup_ask(const struct setup_doors *doors, const struct buf *conf, struct setup_answers *answers, struct err *err)
{
	struct talk talk = {doors, conf, answers, {false}, err};
	unsigned id = 0;

	for (unsigned i = 0; i < SETUP_QUESTIONS; i++)
		talk.given[i] = answers->text[i] != NULL;
	while (id < SETUP_QUESTIONS) {
		switch (settle(&talk, id)) {
		case GO_ON:
			id++;
			break;
		case AGAIN:
			for (id = SETUP_CLOUD; id > SETUP_METADATA_URL; id--)
				talk.given[id] = false;
			talk.given[id] = false;
			break;
		case FAILED:
			return -1;
		}
	}
	return 0;
}
