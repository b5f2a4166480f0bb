/* The files that settings name: a secret is read whole or refused, and what others may open is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/unit/conf_file.h"

static char folder[64];
static char path[128];

static int set_up(void **state)
{
	(void)state;
	umask(077);
	strcpy(folder, "/tmp/mailbearer-files.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/secret", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	rmdir(folder);
	unsetenv("CREDENTIALS_DIRECTORY");
	return 0;
}

static void put(const char *bytes, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void expect_secret(const char *name, const char *wanted, size_t len)
{
	struct err err = {0};
	struct secret *secret = settings_read_secret(name, &err);
	struct secret *copy = secret_new(wanted, len);

	if (!secret)
		fail_msg("%s", err.text);
	assert_true(secret_equal(secret, copy));
	secret_free(secret);
	secret_free(copy);
}

static void expect_refusal(const char *name, enum err_code code, const char *text)
{
	struct err err = {0};

	assert_null(settings_read_secret(name, &err));
	assert_int_equal(err.code, code);
	if (!strstr(err.text, text))
		fail_msg("wanted \"%s\", got \"%s\"", text, err.text);
	assert_null(strstr(err.text, "Marker"));
}

static void one_line_is_read_without_its_end(void **state)
{
	(void)state;
	put("a +/=&%~\"'b", 11, 0600);
	expect_secret(path, "a +/=&%~\"'b", 11);
	put("abc\r\n\n", 6, 0640);
	expect_secret(path, "abc", 3);
	put("x", 1, 0400);
	expect_secret(path, "x", 1);
}

static void what_is_no_single_line_is_refused(void **state)
{
	(void)state;
	put("", 0, 0600);
	expect_refusal(path, ERR_CONFIG, "is empty; put the secret into it");
	put("\n\n", 2, 0600);
	expect_refusal(path, ERR_CONFIG, "is empty");
	put("Marker\nMarker", 13, 0600);
	expect_refusal(path, ERR_CONFIG, "must hold the secret on one line and nothing else");
	put("Mar\0ker", 7, 0600);
	expect_refusal(path, ERR_CONFIG, "must hold the secret on one line");
	put("Marker\t", 7, 0600);
	expect_refusal(path, ERR_CONFIG, "must hold the secret on one line");
}

static void the_size_is_bounded(void **state)
{
	static char bytes[SECRET_MAX + 1];

	(void)state;
	memset(bytes, 'M', sizeof(bytes));
	put(bytes, SECRET_MAX, 0600);
	expect_secret(path, bytes, SECRET_MAX);
	put(bytes, SECRET_MAX + 1, 0600);
	expect_refusal(path, ERR_LIMIT, "is larger than a secret may be (65536 bytes)");
}

static void what_others_may_open_is_refused(void **state)
{
	static const mode_t modes[] = {0604, 0602, 0601, 0644};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		put("Marker", 6, modes[i]);
		expect_refusal(path, ERR_CONFIG, "is open to everybody; chmod o= /tmp/");
	}
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	expect_refusal(path, ERR_SYSTEM, "No such file");
	expect_refusal(folder, ERR_CONFIG, "is not a regular file");
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_refusal(path, ERR_CONFIG, "is not a regular file"); /* and does not wait for a writer */
}

static void credentials_are_found_by_name(void **state)
{
	(void)state;
	put("abc\n", 4, 0400);
	expect_refusal("credential:secret", ERR_CONFIG,
		       "no systemd credentials; start it by its unit, with LoadCredential=");
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	expect_secret("credential:secret", "abc", 3);
	expect_refusal("credential:", ERR_CONFIG, "not the name of a credential");
	expect_refusal("credential:../secret", ERR_CONFIG, "not the name of a credential");
	expect_refusal("credential:other", ERR_SYSTEM, "No such file");
}

/* settings_check_files on a client that names `path` under `key`. */
static int check(const char *key, const char *more, struct err *err)
{
	struct settings *settings;
	char text[512];
	int result;

	snprintf(text, sizeof(text),
		 "\nclient a { provider = microsoft %s = %s %s }\ntokend { seal_key_file = %s/seal }", key, path, more,
		 folder);
	settings = load_text(text, err);
	if (!settings)
		fail_msg("%s", err->text);
	result = settings_check_files(settings, SETTINGS_BY_TOKEND, err);
	settings_free(settings);
	return result;
}

static void every_secret_that_is_named_is_checked(void **state)
{
	static const struct {
		const char *key;
		const char *more;
	} keys[] = {{"client_secret_file", ""},
		    {"client_key", "client_certificate = /dev/null"},
		    {"client_key_passphrase_file", "client_key = pkcs11:x"}};
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		unlink(path);
		assert_int_equal(check(keys[i].key, keys[i].more, &err), -1);
		assert_non_null(strstr(err.text, ":2: client \"a\": "));
		assert_non_null(strstr(err.text, keys[i].key));
		assert_non_null(strstr(err.text, "No such file"));
		put("Marker", 6, 0644);
		assert_int_equal(check(keys[i].key, keys[i].more, &err), -1);
		assert_non_null(strstr(err.text, "is open to everybody"));
	}
	put("Marker", 6, 0640);
	assert_int_equal(check("client_secret_file", "", &err), 0);
}

static void what_the_platform_writes_may_be_read_by_all_but_not_written(void **state)
{
	struct secret *token;
	struct err err;

	(void)state;
	assert_int_equal(check("federated_token_file", "", &err), -1);
	put("Token\n", 6, 0644);
	assert_int_equal(check("federated_token_file", "", &err), 0);
	token = settings_read_platform_token(path, &err);
	assert_non_null(token);
	assert_int_equal(5, secret_len(token));
	secret_free(token);
	put("Token\n", 6, 0646);
	assert_int_equal(check("federated_token_file", "", &err), -1);
	assert_non_null(strstr(err.text, "anybody may write it"));
	assert_null(settings_read_platform_token(path, &err));
}

static void a_file_of_several_lines_is_taken_as_it_is(void **state)
{
	struct secret *text;
	struct err err;

	(void)state;
	put("{\n \"a\": 1\n}\n", 13, 0640);
	text = settings_read_secret_file(path, &err);
	assert_non_null(text);
	assert_int_equal(13, secret_len(text));
	secret_free(text);
	put("{}", 2, 0644);
	assert_null(settings_read_secret_file(path, &err));
}

static void other_files_must_be_readable(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(check("ca_file", "", &err), -1);
	assert_non_null(strstr(err.text, ":2: client \"a\": ca_file: "));
	put("x", 1, 0644); /* a certificate is no secret */
	assert_int_equal(check("ca_file", "", &err), 0);
}

static void the_sealing_key_may_be_missing_but_not_open(void **state)
{
	struct settings *settings;
	char text[256];
	struct err err;

	(void)state;
	snprintf(text, sizeof(text), "tokend { seal_key_file = %s }", path);
	settings = load_text(text, &err);
	assert_non_null(settings);
	assert_int_equal(settings_check_files(settings, SETTINGS_BY_TOKEND, &err), 0);
	put("00", 2, 0644);
	assert_int_equal(settings_check_files(settings, SETTINGS_BY_TOKEND, &err), -1);
	assert_non_null(strstr(err.text, "seal_key_file: "));
	put("00", 2, 0640);
	assert_int_equal(settings_check_files(settings, SETTINGS_BY_TOKEND, &err), 0);
	settings_free(settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(one_line_is_read_without_its_end, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_is_no_single_line_is_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_size_is_bounded, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_others_may_open_is_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_is_no_file_is_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(credentials_are_found_by_name, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(every_secret_that_is_named_is_checked, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_the_platform_writes_may_be_read_by_all_but_not_written, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(a_file_of_several_lines_is_taken_as_it_is, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(other_files_must_be_readable, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_sealing_key_may_be_missing_but_not_open, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("settings_files", tests, NULL, NULL);
}
