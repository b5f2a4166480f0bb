/*
 * What is wished and what is there, made one: values of main.cf, each by its own rule; options that undo for our
 * transports what main.cf says for all. Pure. Called by apply_plan.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postfix/main_cf.h"
#include "postfix/master_cf.h"
#include "postfix/merge_private.h"
#include "postfix/milters.h"
#include "postfix/text.h"

void merge_move(struct buf *text, struct buf *next)
{
	buf_free(text);
	*text = *next;
}

/* A parameter of main.cf under way. */
struct merging {
	const struct wished *wished;
	const struct wished_parameter *parameter;
	const char *given; /* as it stands in main.cf; NULL: it does not */
	const char *value; /* in force; "" for a parameter that Postfix does not know */
	const struct installation *installation;
};

static const char *value_of(const struct installation *installation, const char *name)
{
	const char *value = installation_value(installation, name);

	return value != NULL ? value : "";
}

static const char *milter_of(const struct wished *wished)
{
	for (size_t i = 0; i < wished->parameter_count; i++)
		if (wished->parameters[i].how == WISHED_MILTER)
			return wished->parameters[i].value;
	return "";
}

/* Each of these: appends the new value and is true; or is false: what is there stays. */

static bool merge_set(const struct merging *m, struct buf *out)
{
	if (m->given != NULL && (text_same(m->given, m->parameter->value) || text_same(m->value, m->parameter->value)))
		return false;
	buf_puts(out, m->parameter->value);
	return true;
}

static bool merge_default(const struct merging *m, struct buf *out)
{
	if (*m->value != '\0' && strcmp(m->value, "none") != 0)
		return false;
	return merge_set(m, out);
}

static bool merge_at_most(const struct merging *m, struct buf *out)
{
	int there = m->given != NULL ? atoi(*m->value != '\0' ? m->value : m->given) : 0;

	if (there >= 1 && there <= atoi(m->parameter->value))
		return false;
	return merge_set(m, out);
}

static bool has_table(const char *list, const char *table)
{
	size_t len;

	for (; (len = text_word(&list, TEXT_LIST)) > 0; list += len)
		if (len == strlen(table) && strncmp(list, table, len) == 0)
			return true;
	return false;
}

static bool merge_map(const struct merging *m, struct buf *out)
{
	const char *list = m->given != NULL ? m->given : "";

	if (has_table(list, m->parameter->value) || has_table(m->value, m->parameter->value))
		return false;
	buf_puts(out, m->parameter->value);
	if (*list != '\0')
		buf_printf(out, ", %s", list);
	return true;
}

static bool refers_to(const char *value, const char *name)
{
	const char *found = value;

	while ((found = strstr(found, name)) != NULL) {
		if (found > value && strchr("${(", found[-1]) != NULL)
			return true;
		found++;
	}
	return false;
}

/* Puts our milter first in the list that is given, unless it is in order where it is: before those who sign, and with
 * the action that is ours when it does not answer. */
static bool put_milter(const struct merging *m, const char *socket, struct buf *out)
{
	const char *list = m->given != NULL ? m->given : "", *milter = milter_of(m->wished);
	bool there = milters_has(list, socket);

	if (!there && milters_has(m->value, socket))
		return false;
	if (!there || milters_follows_signer(m->value, socket)) {
		milters_put_first(list, socket, milter, out);
		return true;
	}
	if (milters_has_options(list, socket) ||
	    strcmp(value_of(m->installation, "milter_default_action"), "tempfail") == 0)
		return false;
	milters_replace(list, socket, milter, out);
	return true;
}

static bool merge_milter(const struct merging *m, struct buf *out)
{
	struct buf socket = BUF_INIT(TEXT_FILE_MAX);
	bool change;

	milters_socket(milter_of(m->wished), &socket);
	change = !socket.failed && put_milter(m, socket.data, out);
	out->failed |= socket.failed;
	buf_free(&socket);
	return change;
}

static bool merge_local(const struct merging *m, struct buf *out)
{
	struct buf socket = BUF_INIT(TEXT_FILE_MAX);
	const char *others = value_of(m->installation, "smtpd_milters");
	bool change;

	if (m->given != NULL && refers_to(m->given, "smtpd_milters"))
		return false;
	milters_socket(milter_of(m->wished), &socket);
	out->failed |= socket.failed;
	if (socket.failed)
		change = false;
	else if (*m->value != '\0' || milters_has_others(others, socket.data))
		change = put_milter(m, socket.data, out);
	else
		change = merge_set(m, out);
	buf_free(&socket);
	return change;
}

static bool merge_characters(const struct merging *m, struct buf *out)
{
	if (strstr(m->value, m->parameter->value) != NULL)
		return false;
	buf_printf(out, "%s%s", m->value, m->parameter->value);
	return true;
}

static bool (*const merges[])(const struct merging *m, struct buf *out) = {
    [WISHED_SET] = merge_set,  [WISHED_DEFAULT] = merge_default,       [WISHED_AT_MOST] = merge_at_most,
    [WISHED_MAP] = merge_map,  [WISHED_MILTER] = merge_milter,         [WISHED_LOCAL] = merge_local,
    [WISHED_WORD] = merge_map, [WISHED_CHARACTERS] = merge_characters,
};

/* Replaces the text by itself with one parameter merged. */
static void merge_one(struct merging *m, struct buf *text)
{
	struct buf given = BUF_INIT(TEXT_FILE_MAX), value = BUF_INIT(TEXT_FILE_MAX), next = BUF_INIT(TEXT_FILE_MAX);
	bool there = main_cf_get(text, m->parameter->name, &given);

	m->given = !there ? NULL : given.data != NULL ? given.data : "";
	m->value = value_of(m->installation, m->parameter->name);
	if (merges[m->parameter->how](m, &value)) {
		main_cf_set(text, m->parameter->name, value.data != NULL ? value.data : "", &next);
		next.failed |= value.failed || given.failed;
		merge_move(text, &next);
	}
	buf_free(&value);
	buf_free(&given);
}

int merge_main_cf(const struct wished *wished, const struct installation *installation, const struct buf *text,
		  struct buf *out, struct err *err)
{
	struct merging m = {.wished = wished, .installation = installation};
	struct buf whole = BUF_INIT(TEXT_FILE_MAX);

	buf_append(&whole, text->data, text->len);
	for (size_t i = 0; i < wished->parameter_count && !whole.failed; i++) {
		m.parameter = &wished->parameters[i];
		merge_one(&m, &whole);
	}
	merge_retire_parameters(wished, installation, &whole);
	buf_append(out, whole.data, whole.len);
	out->failed |= whole.failed;
	buf_free(&whole);
	return out->failed ? err_set(err, ERR_LIMIT, "main.cf would be too large") : 0;
}

/* --- master.cf --- */

static void add_option(void *arg, const char *name, const char *value)
{
	struct master_cf_service *service = arg;

	service->options[service->option_count].name = name;
	service->options[service->option_count++].value = value;
}

static bool has_option(const struct master_cf_service *service, const char *name)
{
	for (size_t i = 0; i < service->option_count; i++)
		if (strcmp(service->options[i].name, name) == 0)
			return true;
	return false;
}

/* As smtp(8) of the distribution's own: there only is a chroot with all it needs where the distribution makes one. */
static const char *chroot_field(const struct installation *installation)
{
	const struct installation_service *smtp = installation_service(installation, "smtp", "unix");

	return smtp != NULL ? smtp->chroot : "y";
}

static void make_service(const struct wished_service *wished, const struct installation *installation,
			 struct master_cf_service *service)
{
	const char *name, *ours;

	*service = (struct master_cf_service){
	    .name = wished->name, .chroot = chroot_field(installation), .maxproc = WISHED_SUBMISSIONS_MAX};
	wished_each_option(wished, add_option, service);
	for (size_t i = 0; wished_guard_at(i, &name, &ours); i++) {
		const char *value = installation_value(installation, name);

		if (value != NULL && !text_same(value, ours) && !has_option(service, name))
			add_option(service, name, ours);
	}
}

/* Which Debian's master.cf has in a comment only. */
static void add_tlsproxy(const struct installation *installation, struct buf *text)
{
	struct buf next = BUF_INIT(TEXT_FILE_MAX);
	char line[sizeof WISHED_TLSPROXY_FORMAT + 16];

	snprintf(line, sizeof line, WISHED_TLSPROXY_FORMAT, chroot_field(installation));
	master_cf_add(text, "tlsproxy", line, &next);
	merge_move(text, &next);
}

int merge_master_cf(const struct wished *wished, const struct installation *installation, const struct buf *text,
		    struct buf *out, struct err *err)
{
	struct buf whole = BUF_INIT(TEXT_FILE_MAX);
	int result = 0;

	buf_append(&whole, text->data, text->len);
	for (size_t i = 0; i < wished->service_count && result == 0; i++) {
		struct buf next = BUF_INIT(TEXT_FILE_MAX);
		struct master_cf_service service;

		make_service(&wished->services[i], installation, &service);
		result = master_cf_set(&whole, &service, &next, err);
		merge_move(&whole, &next);
	}
	if (result == 0 && wished->service_count > 0)
		add_tlsproxy(installation, &whole);
	if (result == 0)
		merge_retire_services(wished, installation, &whole);
	if (result == 0 && (whole.failed || buf_append(out, whole.data, whole.len) != 0))
		result = err_set(err, ERR_LIMIT, "master.cf would be too large");
	buf_free(&whole);
	return result;
}
