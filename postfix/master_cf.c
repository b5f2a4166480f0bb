/* A transport of ours in master.cf's text. Pure. Called by merge_values.c. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postfix/master_cf.h"
#include "postfix/text.h"

enum { NAME, TYPE, PRIVATE, UNPRIVILEGED, CHROOT, WAKEUP, MAXPROC, COMMAND, FIELDS };

#define FIELD_SIZE 128

/* An entry that is there, on one line. */
struct there {
	struct text_entry where;
	struct buf line;
	char fields[FIELDS][FIELD_SIZE];
	const char *arguments; /* in line */
};

/* Cuts the fields off the entry's line. False: an entry that Postfix would not take, or that is no service of ours. */
static bool read_fields(struct there *there)
{
	const char *at = there->line.data != NULL ? there->line.data : "";
	size_t len;

	for (int i = 0; i < FIELDS; i++) {
		len = text_word(&at, TEXT_BLANKS);
		if (len == 0 || len >= FIELD_SIZE)
			return false;
		memcpy(there->fields[i], at, len);
		there->fields[i][len] = '\0';
		at += len;
	}
	there->arguments = at;
	return true;
}

/* The last of that name counts for Postfix as well as the first, since it refuses two. */
static bool find(const struct buf *text, const char *name, struct there *there)
{
	for (size_t at = 0; text_next(text, &at, &there->where);) {
		buf_clear(&there->line);
		text_join(text, &there->where, &there->line);
		if (read_fields(there) && strcmp(there->fields[NAME], name) == 0 &&
		    strcmp(there->fields[TYPE], "unix") == 0)
			return true;
	}
	return false;
}

/* "name=value" or "{ name = value }", of an option's argument. Appends both. */
static void split_option(const char *text, size_t len, struct buf *name, struct buf *value)
{
	const char *equals;

	if (len >= 2 && text[0] == '{' && text[len - 1] == '}') {
		text++;
		len -= 2;
	}
	equals = memchr(text, '=', len);
	if (equals == NULL)
		equals = text + len;
	text_squeeze(text, (size_t)(equals - text), name);
	if (equals < text + len)
		text_squeeze(equals + 1, len - (size_t)(equals + 1 - text), value);
}

bool master_cf_next_argument(const char **at, struct master_cf_argument *argument)
{
	size_t len = text_word(at, TEXT_BLANKS);
	const char *word = *at;

	buf_clear(&argument->name);
	buf_clear(&argument->value);
	argument->start = word;
	argument->is_option = len >= 2 && strncmp(word, "-o", 2) == 0;
	if (argument->is_option && len == 2) {
		*at += len;
		len = text_word(at, TEXT_BLANKS);
		split_option(*at, len, &argument->name, &argument->value);
	} else if (argument->is_option) {
		split_option(word + 2, len - 2, &argument->name, &argument->value);
	}
	*at += len;
	argument->len = (size_t)(*at - word);
	return argument->len > 0;
}

static const char *text_of(const struct buf *buf)
{
	return buf->data != NULL ? buf->data : "";
}

/* Which of our options is it? option_count: none. */
static size_t our_option(const struct master_cf_service *service, const struct master_cf_argument *argument)
{
	size_t i = 0;

	while (i < service->option_count &&
	       (!argument->is_option || strcmp(service->options[i].name, text_of(&argument->name)) != 0))
		i++;
	return i;
}

/* Looks all arguments through: are ours among them, each with our value? And the others, as lines of their own. */
struct survey {
	bool same[MASTER_CF_OPTIONS_MAX];
	bool has_login;
	struct buf others;
};

static void survey_arguments(const struct there *there, const struct master_cf_service *service, struct survey *survey)
{
	struct master_cf_argument argument = {.name = BUF_INIT(TEXT_FILE_MAX), .value = BUF_INIT(TEXT_FILE_MAX)};
	const char *at = there->arguments;
	size_t i;

	while (master_cf_next_argument(&at, &argument)) {
		i = our_option(service, &argument);
		if (argument.is_option && strcmp(text_of(&argument.name), "smtp_sasl_password_maps") == 0)
			survey->has_login = true;
		if (i < service->option_count)
			survey->same[i] = text_same(text_of(&argument.value), service->options[i].value);
		else
			buf_printf(&survey->others, "    %.*s\n", (int)argument.len, argument.start);
	}
	survey->others.failed |= argument.name.failed || argument.value.failed;
	buf_free(&argument.name);
	buf_free(&argument.value);
}

static bool is_up_to_date(const struct there *there, const struct master_cf_service *service,
			  const struct survey *survey)
{
	int maxproc = atoi(there->fields[MAXPROC]);

	for (size_t i = 0; i < service->option_count; i++)
		if (!survey->same[i])
			return false;
	return maxproc >= 1 && maxproc <= service->maxproc;
}

static void put_service(const struct there *there, const struct master_cf_service *service, const struct survey *survey,
			struct buf *out)
{
	int maxproc = there != NULL ? atoi(there->fields[MAXPROC]) : 0;

	if (maxproc < 1 || maxproc > service->maxproc)
		maxproc = service->maxproc;
	if (there != NULL)
		buf_printf(out, "%s unix %s %s %s %s %d smtp\n", service->name, there->fields[PRIVATE],
			   there->fields[UNPRIVILEGED], there->fields[CHROOT], there->fields[WAKEUP], maxproc);
	else
		buf_printf(out, "%s unix - - %s - %d smtp\n", service->name, service->chroot, maxproc);
	for (size_t i = 0; i < service->option_count; i++)
		buf_printf(out, strpbrk(service->options[i].value, TEXT_BLANKS) ? "    -o {%s=%s}\n" : "    -o %s=%s\n",
			   service->options[i].name, service->options[i].value);
	buf_append(out, survey->others.data, survey->others.len);
}

static int prove_ours(const struct there *there, const struct survey *survey, struct err *err)
{
	if (strcmp(there->fields[COMMAND], "smtp") == 0 && survey->has_login)
		return 0;
	return err_set(err, ERR_CONFIG,
		       "master.cf has a service \"%s\" already, which is none of ours (%s%s); name another one with "
		       "transport = \"...\" in the account's section of mailbearer.conf, or take it out of master.cf",
		       there->fields[NAME], there->fields[COMMAND],
		       strcmp(there->fields[COMMAND], "smtp") == 0 ? " without smtp_sasl_password_maps" : "");
}

static void put_text_before(const struct buf *text, struct buf *out)
{
	buf_append(out, text->data, text->len);
	if (text->len > 0 && text->data[text->len - 1] != '\n')
		buf_puts(out, "\n");
}

void master_cf_add(const struct buf *text, const char *name, const char *line, struct buf *out)
{
	struct there there = {.line = BUF_INIT(TEXT_FILE_MAX)};

	if (find(text, name, &there)) {
		buf_append(out, text->data, text->len);
	} else {
		put_text_before(text, out);
		buf_printf(out, "%s\n", line);
	}
	out->failed |= there.line.failed;
	buf_free(&there.line);
}

void master_cf_drop(const struct buf *text, const char *name, struct buf *out)
{
	struct there there = {.line = BUF_INIT(TEXT_FILE_MAX)};
	size_t end = 0;

	if (find(text, name, &there)) {
		buf_append(out, text->data, there.where.start);
		text_comments(text, &there.where, out);
		end = there.where.end;
	}
	text_rest(text, end, out);
	out->failed |= there.line.failed;
	buf_free(&there.line);
}

static void replace(const struct buf *text, const struct there *there, const struct master_cf_service *service,
		    const struct survey *survey, struct buf *out)
{
	buf_append(out, text->data, there->where.start);
	put_service(there, service, survey, out);
	text_comments(text, &there->where, out);
	text_rest(text, there->where.end, out);
}

int master_cf_set(const struct buf *text, const struct master_cf_service *service, struct buf *out, struct err *err)
{
	struct there there = {.line = BUF_INIT(TEXT_FILE_MAX)};
	struct survey survey = {.others = BUF_INIT(TEXT_FILE_MAX)};
	bool found = find(text, service->name, &there);
	int result = 0;

	if (found) {
		survey_arguments(&there, service, &survey);
		result = prove_ours(&there, &survey, err);
	}
	if (result != 0)
		goto out;
	if (found && is_up_to_date(&there, service, &survey)) {
		buf_append(out, text->data, text->len);
	} else if (found) {
		replace(text, &there, service, &survey, out);
	} else {
		put_text_before(text, out);
		put_service(NULL, service, &survey, out);
	}
	if (out->failed || survey.others.failed || there.line.failed)
		result = err_set(err, ERR_LIMIT, "master.cf would be too large");
out:
	buf_free(&survey.others);
	buf_free(&there.line);
	return result;
}
