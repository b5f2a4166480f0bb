/* The steps of the exchange, with a libsasl2 and a tokend of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/tokenclient.h"
#include "lib/deadline.h"
#include "sasl/mech.h"
#include "sasl/response.h"

#define USER "relay@contoso.com"

/* What the fake tokend is asked, and what it says. */
static struct {
	int questions;
	char path[128];
	char map[WIRE_MAP_MAX + 1];
	char key[RESPONSE_USER_MAX + 1];
	struct deadline first_deadline, deadline;
	enum err_code silence; /* ERR_NONE: it answers */
	enum wire_result result;
	char text[WIRE_REPLY_MAX + 1];
} tokend;

int tokenclient_ask(const struct tokenclient_question *question, enum wire_result *result, struct buf *text,
		    struct err *err)
{
	snprintf(tokend.path, sizeof tokend.path, "%s", question->socket_path);
	snprintf(tokend.map, sizeof tokend.map, "%s", question->map);
	snprintf(tokend.key, sizeof tokend.key, "%.*s", (int)question->key_len, question->key);
	tokend.deadline = question->deadline;
	if (tokend.questions++ == 0)
		tokend.first_deadline = question->deadline;
	if (tokend.silence != ERR_NONE)
		return err_set(err, tokend.silence, "tokend said \"nothing\"\nat all");
	*result = tokend.result;
	return buf_puts(text, tokend.text);
}

/* The fake libsasl2 and its caller. */
static struct {
	const char *user;
	unsigned user_len; /* as the caller says; the user may be longer */
	int user_status;
	const char *password;
	bool without_callbacks;
	int canon_status;
	int canon_flags;
	int log_lines, log_level;
	char log[2048];
	sasl_utils_t utils;
	sasl_client_params_t params;
	sasl_out_params_t oparams;
	void *mech;
	const char *out;
	unsigned out_len;
} caller;

static int give_user(void *context, int id, const char **result, unsigned *len)
{
	assert_ptr_equal(context, &caller);
	assert_int_equal(id, SASL_CB_AUTHNAME);
	*result = caller.user;
	*len = caller.user_len;
	return caller.user_status;
}

static int give_password(sasl_conn_t *conn, void *context, int id, sasl_secret_t **result)
{
	static union {
		sasl_secret_t secret;
		char room[512];
	} field;

	assert_null(conn);
	assert_ptr_equal(context, &caller);
	assert_int_equal(id, SASL_CB_PASS);
	*result = caller.password != NULL ? &field.secret : NULL;
	if (caller.password != NULL) {
		field.secret.len = strlen(caller.password);
		memcpy(field.room + offsetof(sasl_secret_t, data), caller.password, field.secret.len + 1);
	}
	return SASL_OK;
}

static int get_callback(sasl_conn_t *conn, unsigned long id, sasl_callback_ft *callback, void **context)
{
	(void)conn;
	*context = &caller;
	*callback = NULL;
	if (caller.without_callbacks)
		return SASL_INTERACT;
	*callback = (sasl_callback_ft)(id == SASL_CB_PASS ? (void (*)(void))give_password : (void (*)(void))give_user);
	return SASL_OK;
}

static int canon_user(sasl_conn_t *conn, const char *user, unsigned len, unsigned flags, sasl_out_params_t *oparams)
{
	(void)conn;
	caller.canon_flags |= (int)flags;
	oparams->user = oparams->authid = user;
	oparams->ulen = oparams->alen = len;
	return caller.canon_status;
}

__attribute__((format(printf, 3, 4))) static void take_log(sasl_conn_t *conn, int level, const char *fmt, ...)
{
	va_list args;

	(void)conn;
	va_start(args, fmt);
	vsnprintf(caller.log, sizeof caller.log, fmt, args);
	va_end(args);
	caller.log_lines++;
	caller.log_level = level;
}

static void set_up_as(enum response_mech kind)
{
	memset(&tokend, 0, sizeof tokend);
	memset(&caller, 0, sizeof caller);
	strcpy(tokend.text, "TOKEN");
	caller.user = USER;
	caller.user_len = (unsigned)strlen(USER);
	caller.password = "tokend";
	caller.utils.getcallback = get_callback;
	caller.utils.log = take_log;
	caller.params.utils = &caller.utils;
	caller.params.canon_user = canon_user;
	caller.params.serverFQDN = "smtp.example.com";
	assert_int_equal(mech_new(&kind, &caller.params, &caller.mech), SASL_OK);
}

static int set_up(void **state)
{
	(void)state;
	set_up_as(RESPONSE_XOAUTH2);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	mech_dispose(caller.mech, &caller.utils);
	return 0;
}

/* Another session. */
static void again(void **state)
{
	tear_down(state);
	set_up(state);
}

static void set_token_len(size_t len)
{
	memset(tokend.text, 't', len);
	tokend.text[len] = '\0';
}

static int step(const char *challenge)
{
	unsigned len = challenge != NULL ? (unsigned)strlen(challenge) : 0;

	caller.out = "untouched";
	caller.out_len = 99;
	return mech_step(caller.mech, &caller.params, challenge, len, NULL, &caller.out, &caller.out_len,
			 &caller.oparams);
}

static void assert_failed(int status, int want, const char *in_log)
{
	assert_int_equal(status, want);
	assert_null(caller.out);
	assert_int_equal(caller.out_len, 0);
	assert_int_equal(caller.log_lines, 1);
	assert_int_equal(caller.log_level, SASL_LOG_ERR);
	if (strstr(caller.log, in_log) == NULL)
		fail_msg("\"%s\" is not in: %s", in_log, caller.log);
	assert_int_equal(step(""), SASL_BADPROT);
	assert_null(caller.out);
	assert_int_equal(caller.log_lines, 1);
}

static void a_short_token_goes_in_the_first_step(void **state)
{
	static const char want[] = "user=" USER "\001auth=Bearer TOKEN\x01\x01";

	(void)state;
	assert_int_equal(step(NULL), SASL_CONTINUE);
	assert_int_equal(caller.out_len, strlen(want));
	assert_memory_equal(caller.out, want, caller.out_len);
	assert_int_equal(caller.log_lines, 0);
	assert_int_equal(caller.oparams.doneflag, 0);
	assert_int_equal(caller.canon_flags, SASL_CU_AUTHID | SASL_CU_AUTHZID);
	assert_int_equal(tokend.questions, 1);
	assert_string_equal(tokend.path, WIRE_SOCKET_DEFAULT);
	assert_string_equal(tokend.map, "token");
	assert_string_equal(tokend.key, USER);
}

/* "user=" USER "^Aauth=Bearer ^A^A" around a token makes 37 bytes, so 335 make 372, whose base64 is 496 octets and
 * whose command is 511; one byte more makes it 515. */
static void a_token_that_fits_no_command_waits_to_be_asked_for(void **state)
{
	set_token_len(335);
	assert_int_equal(step(NULL), SASL_CONTINUE);
	assert_int_equal(caller.out_len, 372);

	again(state);
	set_token_len(336);
	assert_int_equal(step(NULL), SASL_CONTINUE);
	assert_null(caller.out);
	assert_int_equal(caller.out_len, 0);
	assert_int_equal(tokend.questions, 1);
	assert_int_equal(step(""), SASL_CONTINUE);
	assert_int_equal(caller.out_len, 373);
	assert_int_equal(tokend.questions, 1);
}

static void who_begins_with_a_challenge_gets_the_token_at_once(void **state)
{
	(void)state;
	set_token_len(4000);
	assert_int_equal(step(""), SASL_CONTINUE);
	assert_int_equal(caller.out_len, 4037);
}

/* 1,487 bytes of token make 1,524, the last whose command of 2,047 octets Sendmail leaves whole. */
static void sendmail_gets_no_token_that_it_would_cut(void **state)
{
	caller.params.external_ssf = 256;
	set_token_len(1487);
	assert_int_equal(step(NULL), SASL_CONTINUE);
	assert_null(caller.out);
	assert_int_equal(step(NULL), SASL_CONTINUE);
	assert_int_equal(caller.out_len, 1524);

	again(state);
	caller.params.external_ssf = 256;
	set_token_len(1488);
	assert_failed(step(NULL), SASL_BUFOVER, "mailbearer-submit");

	again(state);
	caller.params.ipremoteport = "192.0.2.1;587"; /* Sendmail without TLS */
	set_token_len(1488);
	assert_failed(step(NULL), SASL_BUFOVER, "mailbearer-submit");

	again(state);
	set_token_len(60 * 1024); /* not Sendmail */
	assert_int_equal(step(NULL), SASL_CONTINUE);
	assert_int_equal(step(""), SASL_CONTINUE);
	assert_int_equal(caller.out_len, 60 * 1024 + 37);
	assert_int_equal(caller.log_lines, 0);
}

static void oauthbearer_names_host_and_port(void **state)
{
	static const char want[] = "n,a=" USER ",\x01host=smtp.example.com\x01port=587\001auth=Bearer TOKEN\x01\x01";

	tear_down(state);
	set_up_as(RESPONSE_OAUTHBEARER);
	caller.params.ipremoteport = "192.0.2.1;587";
	assert_int_equal(step(NULL), SASL_CONTINUE);
	assert_int_equal(caller.out_len, strlen(want));
	assert_memory_equal(caller.out, want, caller.out_len);
}

static void a_refused_token_is_logged_and_reported_once(void **state)
{
	(void)state;
	assert_int_equal(step(NULL), SASL_CONTINUE);
	assert_int_equal(step("{\"status\":\"401\",\"schemes\":\"bearer mac\"}"), SASL_CONTINUE);
	assert_non_null(caller.out);
	assert_int_equal(caller.out_len, 0);
	assert_int_equal(caller.log_lines, 1);
	assert_string_equal(caller.log,
			    "account=" USER " "
			    "cause=\"smtp.example.com refused the access token (status 401)\" "
			    "remedy=\"the next try gets a new token; if that is refused too, see mailbearer status\"");
	assert_int_equal(tokend.questions, 2);
	assert_string_equal(tokend.map, "refused");
	assert_string_equal(tokend.key, USER);
	assert_int_equal(tokend.deadline.at_ms, tokend.first_deadline.at_ms);
	assert_int_equal(step("{}"), SASL_BADPROT);
	assert_int_equal(tokend.questions, 2);
}

static void oauthbearer_answers_an_error_with_one_byte(void **state)
{
	tear_down(state);
	set_up_as(RESPONSE_OAUTHBEARER);
	assert_int_equal(step(NULL), SASL_CONTINUE);
	tokend.silence = ERR_UNREACHABLE; /* best effort: nothing changes */
	assert_int_equal(step("{\"status\":\"insufficient_scope\"}"), SASL_CONTINUE);
	assert_int_equal(caller.out_len, 1);
	assert_memory_equal(caller.out, "\x01", 1);
	assert_int_equal(caller.log_lines, 1);
	assert_non_null(strstr(caller.log, "(status insufficient_scope)\" remedy=\"give the app registration"));
}

static void a_challenge_without_sense_is_a_refusal_too(void **state)
{
	(void)state;
	caller.params.serverFQDN = NULL;
	assert_int_equal(step(NULL), SASL_CONTINUE);
	assert_int_equal(step("\"\"\""), SASL_CONTINUE);
	assert_int_equal(caller.out_len, 0);
	assert_non_null(strstr(caller.log, "cause=\"the server refused the access token (status not given)\""));
}

static void all_waits_share_thirty_seconds(void **state)
{
	struct deadline before = deadline_after(30 * 1000), after;

	(void)state;
	step(NULL);
	after = deadline_after(30 * 1000);
	assert_true(tokend.deadline.at_ms >= before.at_ms && tokend.deadline.at_ms <= after.at_ms);
}

static void a_silent_tokend_is_explained(void **state)
{
	static const struct {
		enum err_code code;
		const char *remedy;
	} cases[] = {
	    {ERR_UNREACHABLE, "remedy=\"start mailbearer-tokend;"},
	    {ERR_TIMEOUT, "remedy=\"the mail waits; why tokend takes so long is in its log\""},
	    {ERR_SYNTAX, "remedy=\"see that the password field names the socket"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		again(state);
		tokend.silence = cases[i].code;
		assert_failed(step(NULL), SASL_UNAVAIL, cases[i].remedy);
		/* What came from elsewhere breaks neither the line nor its quotes. */
		assert_non_null(strstr(caller.log, "account=" USER " cause=\"tokend said 'nothing'?at all\" remedy="));
	}
}

static void a_refusing_tokend_is_quoted(void **state)
{
	static const struct {
		enum wire_result result;
		int status;
		const char *text;
		const char *in_log;
	} cases[] = {
	    {WIRE_TEMP, SASL_UNAVAIL, "HTTP 503", "cause=\"HTTP 503\" remedy=\"the mail waits and"},
	    {WIRE_TIMEOUT, SASL_UNAVAIL, "no answer", "cause=\"no answer\" remedy=\"the mail waits and"},
	    {WIRE_PERM, SASL_BADAUTH, "sign in again", "cause=\"sign in again\" remedy=\"the mail waits for"},
	    {WIRE_PERM, SASL_BADAUTH, "", "cause=\"tokend has no token and gives no reason\""},
	    {WIRE_NOTFOUND, SASL_NOUSER, "", "cause=\"tokend has no such account\" remedy=\"add the account"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		again(state);
		tokend.result = cases[i].result;
		strcpy(tokend.text, cases[i].text);
		assert_failed(step(NULL), cases[i].status, cases[i].in_log);
	}
}

static void a_very_long_reason_is_cut(void **state)
{
	(void)state;
	tokend.result = WIRE_TEMP;
	set_token_len(WIRE_REPLY_MAX);
	assert_failed(step(NULL), SASL_UNAVAIL, "ttt\" remedy=");
	assert_true(strlen(caller.log) < 1000);
}

static void what_is_no_token_is_not_sent(void **state)
{
	static const char *const cases[] = {"", "MARKER\001auth=", "MARKER\n", "MARKER x", "MARKER\xc3\xbc"};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		again(state);
		strcpy(tokend.text, cases[i]);
		assert_failed(step(NULL), SASL_FAIL, "is no access token");
		assert_null(strstr(caller.log, "MARKER"));
	}
}

static void the_password_field_names_the_socket(void **state)
{
	char longest[128] = "unix:/";

	caller.password = "unix:/srv/tokend.sock";
	assert_int_equal(step(NULL), SASL_CONTINUE);
	assert_string_equal(tokend.path, "/srv/tokend.sock");

	again(state);
	memset(longest + 6, 'p', 106);
	caller.password = longest;
	assert_int_equal(step(NULL), SASL_CONTINUE);
	assert_int_equal(strlen(tokend.path), 107);
	assert_string_equal(tokend.path, longest + 5);
}

static void a_password_in_its_field_is_refused_and_never_logged(void **state)
{
	static const char *const cases[] = {"", "MARKER", "tokendMARKER", "unix:", "unix:MARKER", "UNIX:/MARKER"};
	char too_long[128] = "unix:/";

	memset(too_long + 6, 'p', 107);
	for (size_t i = 0; i <= sizeof cases / sizeof cases[0]; i++) {
		again(state);
		caller.password = i < sizeof cases / sizeof cases[0] ? cases[i] : too_long;
		assert_failed(step(NULL), SASL_BADPARAM, "remedy=\"set the password field to tokend, or to unix:/path");
		assert_null(strstr(caller.log, "MARKER"));
		assert_null(strstr(caller.log, "ppp"));
		assert_int_equal(tokend.questions, 0);
	}
}

static void callers_that_would_have_to_prompt_are_refused(void **state)
{
	caller.without_callbacks = true;
	assert_failed(step(NULL), SASL_FAIL, "account=unknown cause=\"the mail server gave no user name");

	again(state);
	caller.user = NULL;
	assert_failed(step(NULL), SASL_FAIL, "gave no user name");

	again(state);
	caller.user_status = SASL_FAIL;
	assert_failed(step(NULL), SASL_FAIL, "gave no user name");

	again(state);
	caller.password = NULL;
	assert_failed(step(NULL), SASL_FAIL, "gave no password field");
}

static void users_that_are_none_are_refused_and_not_logged(void **state)
{
	static const char *const cases[] = {"", "MARKER\001auth=Bearer x", "MARKER\r\nx", "MARKER x"};
	char too_long[RESPONSE_USER_MAX + 2] = "";

	memset(too_long, 'u', RESPONSE_USER_MAX + 1);
	for (size_t i = 0; i <= sizeof cases / sizeof cases[0]; i++) {
		again(state);
		caller.user = i < sizeof cases / sizeof cases[0] ? cases[i] : too_long;
		caller.user_len = (unsigned)strlen(caller.user);
		assert_failed(step(NULL), SASL_BADPARAM, "account=unknown cause=\"the user name is empty, longer");
		assert_null(strstr(caller.log, "MARKER"));
		assert_int_equal(tokend.questions, 0);
	}
}

/* Callers may leave the length out, and a user may go on behind it. */
static void a_user_is_as_long_as_the_caller_says(void **state)
{
	caller.user_len = 0;
	assert_int_equal(step(NULL), SASL_CONTINUE);
	assert_string_equal(tokend.key, USER);
	again(state);
	caller.user = USER ".example";
	assert_int_equal(step(NULL), SASL_CONTINUE);
	assert_string_equal(tokend.key, USER);
}

static void a_user_whom_libsasl2_refuses_is_refused(void **state)
{
	(void)state;
	caller.canon_status = SASL_BADPROT;
	assert_failed(step(NULL), SASL_BADPROT, "libsasl2 does not take the user name");
	assert_int_equal(tokend.questions, 0);
}

static void every_state_can_be_disposed_of(void **state)
{
	mech_dispose(NULL, &caller.utils);
	again(state); /* disposes of it in NEW; the other states are left by the tests above */
	set_token_len(2000);
	assert_int_equal(step(NULL), SASL_CONTINUE); /* HELD, by tear_down */
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(a_short_token_goes_in_the_first_step),
	    CASE(a_token_that_fits_no_command_waits_to_be_asked_for),
	    CASE(who_begins_with_a_challenge_gets_the_token_at_once),
	    CASE(sendmail_gets_no_token_that_it_would_cut),
	    CASE(oauthbearer_names_host_and_port),
	    CASE(a_refused_token_is_logged_and_reported_once),
	    CASE(oauthbearer_answers_an_error_with_one_byte),
	    CASE(a_challenge_without_sense_is_a_refusal_too),
	    CASE(all_waits_share_thirty_seconds),
	    CASE(a_silent_tokend_is_explained),
	    CASE(a_refusing_tokend_is_quoted),
	    CASE(a_very_long_reason_is_cut),
	    CASE(what_is_no_token_is_not_sent),
	    CASE(the_password_field_names_the_socket),
	    CASE(a_password_in_its_field_is_refused_and_never_logged),
	    CASE(callers_that_would_have_to_prompt_are_refused),
	    CASE(users_that_are_none_are_refused_and_not_logged),
	    CASE(a_user_is_as_long_as_the_caller_says),
	    CASE(a_user_whom_libsasl2_refuses_is_refused),
	    CASE(every_state_can_be_disposed_of),
	};

	return cmocka_run_group_tests_name("mech", tests, NULL, NULL);
}
